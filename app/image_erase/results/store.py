"""Where results are kept: put, open, list, delete. Knows no URL path, no signature, and no kind of store."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from image_erase.results.names import ResultName

if TYPE_CHECKING:
    from obstore import GetResult

CHUNK_BYTES = 256 * 1024


class StoreError(Exception):
    """The store does not do what it was asked. The message is for the log, not for clients."""


class StoreFull(StoreError):
    """There is no room left."""


class ResultMissing(Exception):
    """There is no such result, or there is none any more."""


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


class ResultStore:
    """Results in any object store; every one is there whole or not at all.

    objects: where they are. downloads: the same for what may last long; None where that makes no difference.
    """

    #: How many results are best deleted together.
    delete_batch = 1

    def __init__(self, objects: ObjectStore, downloads: ObjectStore | None = None) -> None:
        self._store, self._downloads = objects, downloads or objects

    async def put(self, name: ResultName, data: bytes | bytearray) -> None:
        """Keep a result. Raises StoreFull or StoreError, and keeps nothing then."""
        async with self._call():
            attributes = self._attributes(name)
            await obstore.put_async(self._store, name.key, data, use_multipart=False, attributes=attributes)

    async def size(self, name: ResultName) -> int:
        """Its length in bytes. Raises ResultMissing or StoreError."""
        async with self._call(missing=ResultMissing):
            return int((await obstore.head_async(self._store, name.key))["size"])

    async def open(self, name: ResultName, start: int, stop: int) -> OpenResult:
        """Open bytes start (inclusive) to stop (exclusive) for reading. Raises ResultMissing or StoreError."""
        async with self._call(missing=ResultMissing):
            result = await obstore.get_async(self._downloads, name.key, options={"range": (start, stop)})
            return OpenResult(*result.range, result, self._failure)

    async def delete(self, name: ResultName) -> None:
        """Delete a result; that it is gone already is fine. Raises StoreError."""
        async with self._call():
            with suppress(FileNotFoundError):
                await obstore.delete_async(self._store, name.key)

    async def delete_all(self, names: Sequence[ResultName]) -> None:
        """Delete results; that some are gone already is fine. Raises StoreError."""
        for name in names:
            await self.delete(name)

    async def expired(self, now: float) -> AsyncIterator[ResultName]:
        """The results whose time is up. now: Unix seconds. Raises StoreError."""
        today = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
        with self._translated():
            days = (await obstore.list_with_delimiter_async(self._store))["common_prefixes"]
            for day in sorted(day for day in days if day <= today):
                async for page in obstore.list(self._store, prefix=day):
                    for entry in page:
                        name = ResultName.from_key(entry["path"])
                        if name and name.expires <= now:
                            yield name

    async def delete_leftovers(self, now: float) -> int:
        """Delete what a crash left half written. Returns how many files that were."""
        return 0

    async def check(self) -> None:
        """Write and delete a small object. Raises StoreFull or StoreError where that fails."""
        probe = f"probe-{uuid.uuid4()}"
        async with self._call():
            await obstore.put_async(self._store, probe, b"probe", use_multipart=False)
            await obstore.delete_async(self._store, probe)

    def _attributes(self, name: ResultName) -> dict[str, str] | None:
        """What the store is to keep with a result."""
        return None

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
    def _failure(error: Exception) -> StoreError:
        """What an error of the library means."""
        return StoreError(str(error).split("\n", 1)[0])
