"""Where results are kept: put, open, list, delete. Knows no URL path, no signature, and no kind of store."""

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
#: How many results are listed or deleted together.
BATCH = 250

Presign = Callable[[ResultName], Awaitable[str]]


@dataclass(frozen=True)
class Kept:
    """A result that is in the store. size: in bytes."""

    name: ResultName
    size: int


@dataclass(frozen=True)
class OpenResult:
    """A result being read. start, stop: the byte range that chunks() gives."""

    start: int
    stop: int
    _source: "GetResult"
    _failure: Callable[[Exception], StoreError]

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, piece by piece; they come to their end even if the result is deleted meanwhile.

        Raises StoreError.
        """
        try:
            async for chunk in self._source.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)
        except (BaseError, OSError) as error:
            raise self._failure(error) from None


class ResultStore(ABC):
    """Results in any object store; every one is there whole or not at all.

    objects: where they are. downloads: the same for what may last long; None where that makes no difference.
    """

    def __init__(self, objects: ObjectStore, room: Room, downloads: ObjectStore | None = None) -> None:
        self._store, self._downloads = objects, downloads or objects
        self.room = room
        self._checking: asyncio.Task[StoreError | None] | None = None

    async def put(self, name: ResultName, data: bytes | bytearray) -> None:
        """Keep a result. Raises StoreFull or StoreError, and keeps nothing then."""
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
        """Its length in bytes. Raises ResultMissing or StoreError."""
        async with self._call(missing=ResultMissing):
            return int((await obstore.head_async(self._store, name.key))["size"])

    async def open(self, name: ResultName, start: int, stop: int) -> OpenResult:
        """Open bytes start (inclusive) to stop (exclusive) for reading. Raises ResultMissing or StoreError."""
        async with self._call(missing=ResultMissing):
            result = await obstore.get_async(self._downloads, name.key, options={"range": (start, stop)})
            return OpenResult(*result.range, result, self._failure)

    async def delete(self, name: ResultName, size: int) -> None:
        """Delete a result of that many bytes; that it is gone already is fine. Raises StoreError."""
        failures = Failures()
        await self.delete_all([Kept(name, size)], failures)
        failures.raise_any()

    @abstractmethod
    async def delete_all(self, results: Sequence[Kept], failures: Failures) -> int:
        """Delete results; that some are gone already is fine, and those that can't be deleted are added to failures.

        Returns how many are gone. Raises StoreError where the store as a whole fails.
        """

    @abstractmethod
    def expired(self, now: float, failures: Failures) -> AsyncIterator[Kept]:
        """The results whose time is up, but for those that can't be listed, which are added to failures.

        now: Unix seconds. Raises StoreError where the store as a whole fails.
        """

    async def delete_leftovers(self, now: float, failures: Failures) -> int:
        """Delete what a crash left half written. Returns how many files that were. Raises StoreError."""
        return 0

    @abstractmethod
    async def close_to_others(self) -> None:
        """Take from others the right to read what earlier versions left open to them.

        Raises EntriesFailed where some of it stays open, or StoreError.
        """

    @abstractmethod
    async def count(self, now: float) -> None:
        """Count what is stored. now: Unix seconds.

        Raises EntriesFailed where some of it can't be counted, or StoreError.
        """

    @property
    @abstractmethod
    def counts(self) -> bool:
        """Whether count() is worth calling: whether anybody wants to know how much is stored."""

    async def refuse_when_full(self) -> None:
        """Raise StoreFull where no result has room. Cheap enough to ask before a job is begun."""
        self.room.refuse_when_full()

    async def check(self) -> None:
        """Write and delete a small object. Raises StoreFull or StoreError where that fails.

        Whoever asks while somebody else's check goes on shares its outcome.
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
        """Write a result, whole or not at all. Raises what the store does."""

    @abstractmethod
    async def _check(self) -> None:
        """Write and delete a small object. Raises StoreError."""

    # What a store knows of how it is best used.

    def presign(self, seconds: int) -> Presign | None:
        """What makes the store's own link to a result, which holds that long; None where there are none."""
        return None

    def links_origin(self) -> str | None:
        """The scheme, host and port of the store's own links; None where there are none. Raises StoreError."""
        return None

    def first_delay(self, interval: float) -> float:
        """How many seconds a server should wait before its first sweep. interval: between two sweeps."""
        return 0.0

    @asynccontextmanager
    async def _call(self, missing: type[Exception] | None = None) -> AsyncIterator[None]:
        """Around every call of the library. missing: what it is called that there is no such object."""
        with self._translated(missing):
            yield

    @contextmanager
    def _translated(self, missing: type[Exception] | None = None) -> Iterator[None]:
        """Turn the library's errors into ours."""
        try:
            yield
        except (BaseError, OSError) as error:
            if missing and isinstance(error, FileNotFoundError):
                raise missing from None
            raise self._failure(error) from None

    @staticmethod
    @abstractmethod
    def _failure(error: Exception) -> StoreError:
        """What an error of the library, or of the system, means."""
