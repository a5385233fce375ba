"""Where results are kept: put, open, list, delete. Knows no URL path, no signature, and no kind of store."""

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from app.results.names import ResultName

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

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, piece by piece; they come to their end even if the result is deleted meanwhile."""
        async for chunk in self._source.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)


class ResultStore:
    """Results in any object store; every one is there whole or not at all."""

    def __init__(self, objects: ObjectStore) -> None:
        self._store = objects

    async def put(self, name: ResultName, data: bytes) -> None:
        """Keep a result. Raises StoreFull or StoreError, and keeps nothing then."""
        with self._translated():
            await obstore.put_async(self._store, name.key, data, use_multipart=False)

    async def size(self, name: ResultName) -> int:
        """Its length in bytes. Raises ResultMissing or StoreError."""
        with self._translated():
            return int((await obstore.head_async(self._store, name.key))["size"])

    async def open(self, name: ResultName, start: int, stop: int) -> OpenResult:
        """Open bytes start (inclusive) to stop (exclusive) for reading. Raises ResultMissing or StoreError."""
        with self._translated():
            result = await obstore.get_async(self._store, name.key, options={"range": (start, stop)})
            return OpenResult(*result.range, result)

    async def delete(self, name: ResultName) -> None:
        """Delete a result; that it is gone already is fine. Raises StoreError."""
        with self._translated(), suppress(FileNotFoundError):
            await obstore.delete_async(self._store, name.key)

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
        with self._translated():
            await obstore.put_async(self._store, probe, b"probe", use_multipart=False)
            await obstore.delete_async(self._store, probe)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the library's errors into ours."""
        try:
            yield
        except FileNotFoundError:
            raise ResultMissing from None
        except (BaseError, OSError) as error:
            raise self._failure(error) from error

    @staticmethod
    def _failure(error: Exception) -> StoreError:
        """What an error of the library means."""
        return StoreError(str(error).split("\n", 1)[0])
