"""The store of results: put, open, list, delete. It is independent of URL paths, signatures and the kind of store."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from image_erase.results.failures import EntriesFailed, Failures, ResultMissing, StoreError, StoreFull
from image_erase.results.names import ResultName
from image_erase.results.room import Room

if TYPE_CHECKING:
    from obstore import GetResult

__all__ = [
    "EntriesFailed",
    "Failures",
    "Kept",
    "OpenResult",
    "ResultMissing",
    "ResultStore",
    "StoreError",
    "StoreFull",
]

CHUNK_BYTES = 256 * 1024
#: Number of results listed or deleted together.
BATCH = 250

Presign = Callable[[ResultName], Awaitable[str]]


@dataclass(frozen=True)
class Kept:
    """A stored result. size: in bytes."""

    name: ResultName
    size: int


class OpenResult(ABC):
    """A range of a result that is being read."""

    @abstractmethod
    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes in pieces. Reading can be completed even if the result is deleted meanwhile.

        To be read once. Raises StoreError.
        """

    def small(self) -> bytes | None:
        """Return all of it if it is small and already in memory; chunks() yields it too."""
        return None


class _OpenObject(OpenResult):
    """A result in any object store."""

    def __init__(self, source: "GetResult", failure: Callable[[Exception], StoreError]) -> None:
        self._source, self._failure = source, failure

    async def chunks(self) -> AsyncIterator[bytes]:
        """See OpenResult."""
        try:
            async for chunk in self._source.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)
        except (BaseError, OSError) as error:
            raise self._failure(error) from None


class ResultStore(ABC):
    """Results in any object store. A result is stored completely or not at all.

    objects: the store. downloads: the same store with longer time limits; None if these are not needed.
    """

    def __init__(self, objects: ObjectStore, room: Room, downloads: ObjectStore | None = None) -> None:
        self._store, self._downloads = objects, downloads or objects
        self.room = room
        self._checking: asyncio.Task[StoreError | None] | None = None

    async def put(self, name: ResultName, data: bytes | bytearray) -> None:
        """Store a result. Raises StoreFull or StoreError, and then stores nothing."""
        self.room.take(len(data))
        try:
            async with self._call():
                await self._put(name, data)
        except BaseException:
            self.room.give_back(len(data))
            raise
        finally:
            self.room.written(len(data))

    async def size(self, name: ResultName) -> int:
        """Return its length in bytes. Raises ResultMissing or StoreError."""
        async with self._call(missing=ResultMissing):
            return int((await obstore.head_async(self._store, name.key))["size"])

    async def open(self, name: ResultName, start: int, stop: int) -> OpenResult:
        """Open bytes start (inclusive) to stop (exclusive) for reading. Raises ResultMissing or StoreError."""
        async with self._call(missing=ResultMissing):
            result = await obstore.get_async(self._downloads, name.key, options={"range": (start, stop)})
            return _OpenObject(result, self._failure)

    async def delete(self, name: ResultName, size: int) -> None:
        """Delete a result of that many bytes, if it still exists. Raises StoreError."""
        failures = Failures()
        await self.delete_all([Kept(name, size)], failures)
        failures.raise_any()

    @abstractmethod
    async def delete_all(self, results: Sequence[Kept], failures: Failures) -> int:
        """Delete results that still exist. Those that cannot be deleted are added to failures.

        Returns the number deleted. Raises StoreError if the store as a whole fails.
        """

    @abstractmethod
    def expired(self, now: float, failures: Failures) -> AsyncIterator[Kept]:
        """Return the expired results. Entries that cannot be listed are added to failures.

        now: Unix seconds. Raises StoreError if the store as a whole fails.
        """

    async def delete_leftovers(self, now: float, failures: Failures) -> int:
        """Delete unfinished files left by a crash. Returns their number. Raises StoreError."""
        return 0

    @abstractmethod
    async def close_to_others(self) -> None:
        """Remove read permission for other users, which earlier versions granted.

        Raises EntriesFailed if that fails for some entries, or StoreError.
        """

    @abstractmethod
    async def count(self, now: float) -> None:
        """Count what is stored. now: Unix seconds.

        Raises EntriesFailed if some entries cannot be counted, or StoreError.
        """

    @property
    @abstractmethod
    def counts(self) -> bool:
        """Whether count() is needed, because there is a limit or the disk is limited."""

    async def refuse_when_full(self) -> None:
        """Raise StoreFull if there is no room for a result. Cheap enough to call before every job."""
        self.room.refuse_when_full()

    async def check(self) -> None:
        """Write and delete a small object. Raises StoreFull or StoreError if that fails.

        Concurrent calls share one check.
        """
        if self._checking is None or self._may_check_again(self._checking):
            self._checking = asyncio.create_task(self._outcome())
        if failure := await asyncio.shield(self._checking):
            raise type(failure)(str(failure))

    def _may_check_again(self, last: asyncio.Task[StoreError | None]) -> bool:
        return last.done()

    async def _outcome(self) -> StoreError | None:
        try:
            await self._check()
        except StoreError as error:
            return error
        return None

    @abstractmethod
    async def _put(self, name: ResultName, data: bytes | bytearray) -> None:
        """Write a result atomically. Raises the errors of the store."""

    @abstractmethod
    async def _check(self) -> None:
        """Write and delete a small object. Raises StoreError."""

    # Defaults for what differs between kinds of stores.

    def presign(self, seconds: int) -> Presign | None:
        """Return a function that creates the store's own links, valid for that long; None if it has none."""
        return None

    def first_delay(self, interval: float) -> float:
        """Return the seconds to wait before the first sweep. interval: seconds between two sweeps."""
        return 0.0

    @asynccontextmanager
    async def _call(self, missing: type[Exception] | None = None) -> AsyncIterator[None]:
        """Context of every call of the library. missing: its error for an object that does not exist."""
        with self._translated(missing):
            yield

    @contextmanager
    def _translated(self, missing: type[Exception] | None = None) -> Iterator[None]:
        """Translate errors of the library."""
        try:
            yield
        except (BaseError, OSError) as error:
            if missing and isinstance(error, FileNotFoundError):
                raise missing from None
            raise self._failure(error) from None

    @staticmethod
    @abstractmethod
    def _failure(error: Exception) -> StoreError:
        """Return the failure for an error of the library or the system."""
