"""Where results are kept: put, open, list, delete. Knows no URL path and no signature."""

import asyncio
import errno
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from app.results.names import ResultName

if TYPE_CHECKING:
    from obstore import GetResult

CHUNK_BYTES = 256 * 1024
# A put takes seconds; what is still half written after this long was left by a crash.
LEFTOVER_SECONDS = 600
_STORAGE_FULL = f"os error {errno.ENOSPC}", f"os error {errno.EDQUOT}"


class StoreError(Exception):
    """The store does not do what it was asked. The message is for the log, not for clients."""


class StoreFull(StoreError):
    """There is no room left."""


class ResultMissing(Exception):
    """There is no such result, or there is none any more."""


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the library's errors into ours."""
    try:
        yield
    except FileNotFoundError:
        raise ResultMissing from None
    except (BaseError, OSError) as error:
        reason = str(error).split("\n", 1)[0]
        kind = StoreFull if any(mark in reason for mark in _STORAGE_FULL) else StoreError
        raise kind(reason) from error


@dataclass(frozen=True)
class OpenResult:
    """A result being read. start, stop: the byte range that chunks() gives."""

    start: int
    stop: int
    _source: "GetResult"

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, piece by piece; they come to their end even if the result is deleted meanwhile."""
        async for chunk in self._source.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)


def local_path(url: str) -> Path:
    """The directory that a file: URL names; relative ones (file:storage) start from the current directory."""
    return Path(unquote(url.removeprefix("file:").removeprefix("//"))).absolute()


class ResultStore:
    """Results in a directory, through the same calls that a bucket takes.

    Every result is there whole or not at all: it is written beside its place and then renamed.
    """

    def __init__(self, directory: Path) -> None:
        """Create the directory where it is missing. Raises StoreError where that fails."""
        self._directory = directory
        with _translated():
            directory.mkdir(parents=True, exist_ok=True)
            self._store: ObjectStore = LocalStore(directory, automatic_cleanup=True)

    async def put(self, name: ResultName, data: bytes) -> None:
        """Keep a result. Raises StoreFull or StoreError, and keeps nothing then."""
        with _translated():
            await obstore.put_async(self._store, name.key, data, use_multipart=False)

    async def size(self, name: ResultName) -> int:
        """Its length in bytes. Raises ResultMissing or StoreError."""
        with _translated():
            return int((await obstore.head_async(self._store, name.key))["size"])

    async def open(self, name: ResultName, start: int, stop: int) -> OpenResult:
        """Open bytes start (inclusive) to stop (exclusive) for reading. Raises ResultMissing or StoreError."""
        with _translated():
            result = await obstore.get_async(self._store, name.key, options={"range": (start, stop)})
            return OpenResult(*result.range, result)

    async def delete(self, name: ResultName) -> None:
        """Delete a result; that it is gone already is fine. Raises StoreError."""
        with _translated(), suppress(FileNotFoundError):
            await obstore.delete_async(self._store, name.key)

    async def expired(self, now: float) -> AsyncIterator[ResultName]:
        """The results whose time is up. now: Unix seconds. Raises StoreError."""
        today = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
        with _translated():
            days = (await obstore.list_with_delimiter_async(self._store))["common_prefixes"]
            for day in sorted(day for day in days if day <= today):
                async for page in obstore.list(self._store, prefix=day):
                    for entry in page:
                        name = ResultName.from_key(entry["path"])
                        if name and name.expires <= now:
                            yield name

    async def delete_leftovers(self, now: float) -> int:
        """Delete what a crash left half written. Returns how many files that were."""
        return await asyncio.to_thread(self._delete_leftovers, now)

    async def check(self) -> None:
        """Write and delete a small object. Raises StoreFull or StoreError where that fails."""
        probe = f"probe-{uuid.uuid4()}"
        with _translated():
            await obstore.put_async(self._store, probe, b"probe", use_multipart=False)
            await obstore.delete_async(self._store, probe)

    def _delete_leftovers(self, now: float) -> int:
        # The library writes to "<name>#<number>" first, and lists no such file.
        deleted = 0
        for leftover in (*self._directory.glob("*#*"), *self._directory.glob("*/*#*")):
            with suppress(OSError):
                if now - leftover.stat().st_mtime > LEFTOVER_SECONDS:
                    leftover.unlink()
                    deleted += 1
                    os.rmdir(leftover.parent)
        return deleted
