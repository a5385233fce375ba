"""Results in a directory, which is created if missing and cleaned of leftovers of crashes."""

import asyncio
import errno
import os
import re
import secrets
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from urllib.request import url2pathname

from obstore.store import LocalStore

from image_erase.results import files
from image_erase.results.failures import Failures, ResultMissing, StoreError, StoreFull
from image_erase.results.names import ResultName, day_of, is_day
from image_erase.results.open_file import OpenFile
from image_erase.results.room import Disk, Room
from image_erase.results.store import BATCH, Kept, ResultStore
from image_erase.system import flush_file

#: After this time, a check of the file system, which may be on a network, has failed.
CHECK_SECONDS = 4.0
# What precedes the path in a file: URL: no host, or localhost (RFC 8089).
_HOST = re.compile(r"^file:(//(localhost(?=/))?)?")
_FULL = errno.ENOSPC, errno.EDQUOT


def local_path(url: str) -> Path:
    """Return the directory of a file: URL; a relative one (file:storage) starts at the current directory."""
    return Path(url2pathname(_HOST.sub("", url))).absolute()


class DirectoryStore(ResultStore):
    """One file per result in one folder per day, readable by their owner only.

    Only results and unfinished results are listed or deleted, and no symbolic link is followed.
    """

    counts = True

    def __init__(self, directory: Path, limit_bytes: int | None = None) -> None:
        """Create the directory if it is missing. Raises StoreError if that fails."""
        self._directory = directory
        # A file being written is not a leftover, even if the clocks of file system and server differ.
        self._drafts: set[Path] = set()
        with self._translated():
            directory.mkdir(files.FOLDER_MODE, parents=True, exist_ok=True)
            super().__init__(LocalStore(directory), Room(limit_bytes))

    async def size(self, name: ResultName) -> int:
        """See ResultStore."""
        async with self._call(missing=ResultMissing):
            found = await asyncio.to_thread(os.stat, self._path(name), follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            raise ResultMissing
        return found.st_size

    async def open(self, name: ResultName, start: int, stop: int) -> OpenFile:
        """See ResultStore."""
        async with self._call(missing=ResultMissing):
            return await OpenFile.of(self._path(name), start, stop, self._failure)

    async def delete_all(self, results: Sequence[Kept], failures: Failures) -> int:
        """See ResultStore."""
        gone = await asyncio.to_thread(self._delete_all, results, failures)
        self.room.give_back(sum(result.size for result in gone))
        return len(gone)

    def _delete_all(self, results: Sequence[Kept], failures: Failures) -> list[Kept]:
        gone = []
        for result in results:
            try:
                self._path(result.name).unlink(missing_ok=True)
                gone.append(result)
            except OSError as error:
                failures.add(result.name.key, error)
        for day in {self._path(result.name).parent for result in gone}:
            with suppress(OSError):
                day.rmdir()
        return gone

    async def expired(self, now: float, failures: Failures) -> AsyncIterator[Kept]:
        """See ResultStore."""
        today = day_of(now)
        async for result in self._listed(failures, lambda day: day <= today):
            if result.name.expires <= now:
                yield result

    async def count(self, now: float) -> None:
        """See ResultStore."""
        failures = Failures()
        with self.room.counting() as count:
            async for result in self._listed(failures, lambda day: True):
                count.total += result.size
        await self._see_disk()
        failures.raise_any()

    async def _listed(self, failures: Failures, wanted: Callable[[str], bool]) -> AsyncIterator[Kept]:
        """Return the results in the selected folders of days."""
        found = self._scan(failures, wanted)
        with self._translated():
            while page := await asyncio.to_thread(lambda: list(islice(found, BATCH))):
                for result in page:
                    yield result

    def _scan(self, failures: Failures, wanted: Callable[[str], bool]) -> Iterator[Kept]:
        for day in self._days(failures):
            if wanted(day.name):
                with files.one(day.name, failures):
                    yield from files.results_of(day, failures)

    async def close_to_others(self) -> None:
        """See ResultStore."""
        failures = Failures()
        with self._translated():
            await asyncio.to_thread(self._close_to_others, failures)
        failures.raise_any()

    def _close_to_others(self, failures: Failures) -> None:
        os.chmod(self._directory, files.FOLDER_MODE)
        for day in self._days(failures):
            with files.one(day.name, failures):
                os.chmod(day, files.FOLDER_MODE)
                for entry in files.listed(day):
                    with files.one(f"{day.name}/{entry.name}", failures):
                        if entry.is_file(follow_symlinks=False):
                            os.chmod(entry.path, files.FILE_MODE)

    async def delete_leftovers(self, now: float, failures: Failures) -> int:
        """See ResultStore."""
        with self._translated():
            return await asyncio.to_thread(self._delete_leftovers, now, failures)

    def _delete_leftovers(self, now: float, failures: Failures) -> int:
        deleted = self._delete_leftovers_in(self._directory, now, failures)
        for day in self._days(failures):
            there = self._delete_leftovers_in(day, now, failures)
            deleted += there
            if there or day.name < day_of(now):
                with suppress(OSError):
                    day.rmdir()
        return deleted

    def _delete_leftovers_in(self, folder: Path, now: float, failures: Failures) -> int:
        deleted = 0
        with files.one(folder.name, failures):
            for entry in files.listed(folder):
                with files.one(entry.name, failures):
                    if Path(entry.path) not in self._drafts:
                        deleted += files.delete_leftover(entry, now)
        return deleted

    def _days(self, failures: Failures) -> Iterator[Path]:
        for entry in files.listed(self._directory):
            with files.one(entry.name, failures):
                if is_day(entry.name) and entry.is_dir(follow_symlinks=False):
                    yield Path(entry.path)

    async def refuse_when_full(self) -> None:
        """See ResultStore. If the disk was full at the last check, it is checked again."""
        try:
            self.room.refuse_when_full()
        except StoreFull:
            await self._see_disk()
            self.room.refuse_when_full()

    async def _see_disk(self) -> None:
        with self._translated():
            self.room.see(await asyncio.to_thread(self._disk))

    def _disk(self) -> Disk:
        """Return the disk of the directory, which is created again if it was deleted."""
        self._directory.mkdir(files.FOLDER_MODE, parents=True, exist_ok=True)
        return Disk.of(self._directory)

    async def _put(self, name: ResultName, data: bytes | bytearray) -> None:
        await self._see_disk()
        self.room.refuse_on_full_disk()
        await asyncio.to_thread(self._write, self._path(name), data)

    def _write(self, path: Path, data: bytes | bytearray) -> None:
        """Write a temporary file, flush it and rename it, so that a power failure never leaves half an image."""
        draft = path.with_name(f"{path.name}#{secrets.token_hex(4)}")
        self._drafts.add(draft)
        try:
            with open(files.create(draft), "wb") as file:
                file.write(data)
                file.flush()
                flush_file(file.fileno())
            draft.replace(path)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
        finally:
            self._drafts.discard(draft)

    async def _check(self) -> None:
        async with self._call(), asyncio.timeout(CHECK_SECONDS):
            await asyncio.to_thread(self._probe)
            self.room.see(await asyncio.to_thread(self._disk))

    def _probe(self) -> None:
        path = self._directory / f"{files.PROBE}{secrets.token_hex(8)}"
        try:
            with open(files.create(path), "wb") as file:
                file.write(b"probe")
        finally:
            path.unlink(missing_ok=True)

    def _path(self, name: ResultName) -> Path:
        return self._directory / name.key

    @staticmethod
    def _failure(error: Exception) -> StoreError:
        if isinstance(error, TimeoutError):
            return StoreError("no answer in time")
        if isinstance(error, OSError) and error.strerror:
            return (StoreFull if error.errno in _FULL else StoreError)(error.strerror)
        return StoreError(str(error).split("\n", 1)[0])
