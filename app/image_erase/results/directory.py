"""Results in a directory: made where it is missing, swept of what a crash left, full when its disk is."""

import asyncio
import errno
import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from obstore.store import LocalStore

from image_erase.results.store import ResultStore, StoreError, StoreFull

# A put takes seconds; what is still half written after this long was left by a crash.
LEFTOVER_SECONDS = 600
_STORAGE_FULL = f"os error {errno.ENOSPC}", f"os error {errno.EDQUOT}"


def local_path(url: str) -> Path:
    """The directory that a file: URL names; relative ones (file:storage) start from the current directory."""
    return Path(unquote(url.removeprefix("file:").removeprefix("//"))).absolute()


class DirectoryStore(ResultStore):
    """Every result is there whole or not at all: it is written beside its place and then renamed."""

    def __init__(self, directory: Path) -> None:
        """Create the directory where it is missing. Raises StoreError where that fails."""
        self._directory = directory
        with self._translated():
            directory.mkdir(parents=True, exist_ok=True)
            super().__init__(LocalStore(directory, automatic_cleanup=True))

    async def delete_leftovers(self, now: float) -> int:
        """Delete what a crash left half written. Returns how many files that were."""
        return await asyncio.to_thread(self._delete_leftovers, now)

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

    @staticmethod
    def _failure(error: Exception) -> StoreError:
        reason = str(error).split("\n", 1)[0]
        return (StoreFull if any(mark in reason for mark in _STORAGE_FULL) else StoreError)(reason)
