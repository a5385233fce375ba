"""A result's file being read, in large pieces outside the event loop."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Self

from image_erase.results.failures import StoreError
from image_erase.results.store import OpenResult
from image_erase.system import OLD_FILE

# A piece costs a change of threads, and stays in memory until its client has received it.
READ_BYTES = 512 * 1024


class OpenFile(OpenResult):
    """Bytes start (inclusive) to stop (exclusive) of a file.

    The file is closed when this object is no longer referenced and no thread reads from it. If it were closed earlier,
    its descriptor could be reused during a read whose client has disconnected.
    """

    def __init__(self, path: Path, start: int, stop: int, failure: Callable[[Exception], StoreError]) -> None:
        """Open it and read its first piece. Raises OSError."""
        self._descriptor = os.open(path, OLD_FILE)
        self._at, self._stop, self._failure = start, stop, failure
        os.lseek(self._descriptor, start, os.SEEK_SET)
        self._first = self._read()

    def __del__(self) -> None:
        """Close the file."""
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    @classmethod
    async def of(cls, path: Path, start: int, stop: int, failure: Callable[[Exception], StoreError]) -> Self:
        """Open a file. Raises OSError."""
        return await asyncio.to_thread(cls, path, start, stop, failure)

    def small(self) -> bytes | None:
        """See OpenResult."""
        return self._first if self._at >= self._stop else None

    async def chunks(self) -> AsyncIterator[bytes]:
        """See OpenResult."""
        piece, self._first = self._first, b""
        while piece:
            yield piece
            try:
                piece = await asyncio.to_thread(self._read)
            except OSError as error:
                raise self._failure(error) from None
        if self._at < self._stop:
            raise StoreError("the file is shorter than it was")

    def _read(self) -> bytes:
        piece = os.read(self._descriptor, min(READ_BYTES, self._stop - self._at))
        self._at += len(piece)
        return piece
