"""Results in a bucket: S3 and compatible stores, Google Cloud Storage, Azure Blob Storage."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from random import SystemRandom
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import InvalidPathError

from image_erase.results.bucket_client import DEFAULT_TIMEOUTS, BucketTimeouts, open_bucket, unreadable_key
from image_erase.results.failures import Failures, ResultMissing, StoreError
from image_erase.results.names import ResultName, day_of, is_day
from image_erase.results.reasons import call_reason
from image_erase.results.room import Room
from image_erase.results.store import BATCH, Kept, Presign, ResultStore

# Requests at a time, each for one key, where the store cannot delete a whole batch.
DELETES_AT_ONCE = 10
# If the days cannot be listed, those within this many days of today are read.
DAYS_AROUND = 32
# Number of unreadable keys that are skipped in a day.
_MAX_SKIPPED = 100


class BucketStore(ResultStore):
    """Results in a bucket, which any number of servers may share. A result is written by one atomic request."""

    def __init__(
        self,
        url: str,
        limit_bytes: int | None = None,
        timeouts: BucketTimeouts = DEFAULT_TIMEOUTS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open s3://, gs:// or az://bucket/prefix with the credentials of the environment, without a request.

        Raises StoreError if these cannot be used.
        """
        self._bucket, self._timeouts = open_bucket(url, timeouts), timeouts
        super().__init__(self._bucket, Room(limit_bytes), open_bucket(url, timeouts, for_downloads=True))
        self._prefix = urlsplit(url).path.strip("/")
        self._probe = f"probe-{uuid.uuid4()}"
        self._monotonic = monotonic
        self._next_check = 0.0

    @property
    def counts(self) -> bool:
        """See ResultStore. Counting costs a request per thousand results and is only needed for a limit."""
        return self.room.limit is not None

    async def delete_all(self, results: Sequence[Kept], failures: Failures) -> int:
        """See ResultStore; in one request if the store supports it."""
        try:
            async with self._call(missing=ResultMissing):
                await obstore.delete_async(self._bucket, [result.name.key for result in results])
            gone = list(results)
        except (ResultMissing, StoreError):
            # A key that is missing (another sweeper deleted it) or forbidden: some stores then skip the rest.
            gone = await self._delete_each(results, failures)
        self.room.give_back(sum(result.size for result in gone))
        return len(gone)

    async def _delete_each(self, results: Sequence[Kept], failures: Failures) -> list[Kept]:
        """Delete one by one, for a limited time. Returns those that were deleted."""
        free, end = asyncio.Semaphore(DELETES_AT_ONCE), asyncio.get_running_loop().time() + self._timeouts.delete

        async def delete(result: Kept) -> Kept | None:
            try:
                async with asyncio.timeout_at(end), free, self._call():
                    with suppress(FileNotFoundError):
                        await obstore.delete_async(self._bucket, result.name.key)
                return result
            except (StoreError, TimeoutError) as error:
                failures.add(result.name.key, error)
                return None

        async with asyncio.TaskGroup() as tasks:
            deletions = [tasks.create_task(delete(result)) for result in results]
        return [result for deletion in deletions if (result := deletion.result())]

    async def expired(self, now: float, failures: Failures) -> AsyncIterator[Kept]:
        """See ResultStore. Keys are listed in order, so listing a day ends at the first that has not expired."""
        today = day_of(now)
        for day in await self._days(now, failures):
            if day <= today:
                async for result in self._listed(day, failures):
                    if result.name.expires > now:
                        break
                    yield result

    async def _days(self, now: float, failures: Failures) -> list[str]:
        """Return the folders of days; if an unreadable key prevents listing them, all days around now."""
        try:
            async with self._call():
                days = (await obstore.list_with_delimiter_async(self._bucket))["common_prefixes"]
        except InvalidKey as error:
            failures.add(error.key, error)
            days = [day_of(now + 86400 * away) for away in range(-DAYS_AROUND, DAYS_AROUND + 1)]
        return sorted(day for day in days if is_day(day))

    async def _listed(self, day: str, failures: Failures) -> AsyncIterator[Kept]:
        """Yield the results of a day. An unreadable key is skipped, with the keys before it on its page."""
        after = f"{day}/0"  # sorts before every result
        for _ in range(_MAX_SKIPPED):
            try:
                async for result in self._pages(day, after):
                    yield result
                return
            except InvalidKey as error:
                failures.add(error.key, error)
                following = _key_after(error.key.removeprefix(f"{self._prefix}/"))
                if following is None or following <= after:
                    return
                after = following
            except StoreError as error:
                failures.add(day, error)
                return

    async def _pages(self, day: str, after: str) -> AsyncIterator[Kept]:
        pages = obstore.list(self._bucket, prefix=day, offset=after, chunk_size=BATCH)
        while True:
            async with self._call():
                page = await anext(pages, None)
            if page is None:
                return
            for entry in page:
                if name := ResultName.from_key(entry["path"]):
                    yield Kept(name, entry["size"])

    async def close_to_others(self) -> None:
        """Do nothing: access to a bucket is configured by its operator."""

    async def count(self, now: float) -> None:
        """See ResultStore."""
        failures = Failures()
        with self.room.counting() as count:
            for day in await self._days(now, failures):
                async for result in self._listed(day, failures):
                    count.total += result.size
        failures.raise_any()

    def _may_check_again(self, last: asyncio.Task[StoreError | None]) -> bool:
        """Whether the last check is old enough; until then its outcome is reused."""
        return last.done() and self._monotonic() >= self._next_check

    async def _check(self) -> None:
        self._next_check = self._monotonic() + self._timeouts.check_interval
        async with self._call(seconds=self._timeouts.check):
            await obstore.put_async(self._bucket, self._probe, b"probe", use_multipart=False)
            with suppress(FileNotFoundError):
                await obstore.delete_async(self._bucket, self._probe)

    async def _put(self, name: ResultName, data: bytes | bytearray) -> None:
        attributes = _attributes(name)
        await obstore.put_async(self._bucket, name.key, data, use_multipart=False, attributes=attributes)

    def presign(self, seconds: int) -> Presign:
        """See ResultStore. Creating a link may raise StoreError."""
        return partial(self.presigned, seconds=seconds)

    def first_delay(self, interval: float) -> float:
        """See ResultStore. A random delay: servers that share a bucket are often started together."""
        return SystemRandom().uniform(0, interval)

    async def presigned(self, name: ResultName, seconds: int) -> str:
        """Return the store's own URL of a result, valid for that long. Raises StoreError."""
        async with self._call():
            return await obstore.sign_async(self._bucket, "GET", name.key, timedelta(seconds=seconds))

    @asynccontextmanager
    async def _call(self, missing: type[Exception] | None = None, seconds: float | None = None) -> AsyncIterator[None]:
        with self._translated(missing):
            async with asyncio.timeout(self._timeouts.call if seconds is None else seconds):
                yield

    @staticmethod
    def _failure(error: Exception) -> StoreError:
        if isinstance(error, InvalidPathError):
            return InvalidKey(unreadable_key(error))
        return StoreError(call_reason(error))


class InvalidKey(StoreError):
    """The library refuses to list a page of the bucket because of a key. key: including the store's prefix."""

    def __init__(self, key: str) -> None:
        super().__init__("a key that cannot be listed, and hides what is listed with it")
        self.key = key


def _key_after(bad: str) -> str | None:
    """Return a readable key that sorts after an unreadable one: one with a segment "", "." or ".."; otherwise None."""
    segments = bad.split("/")
    for position, segment in enumerate(segments[1:], 1):
        if segment in ("", ".", ".."):
            return "/".join((*segments[:position], f"{segment}0"))  # 0 is the character after /
    return None


def _attributes(name: ResultName) -> dict[str, str]:
    """Return the headers with which a presigned link answers."""
    return {
        "Content-Type": name.content_type,
        "Content-Disposition": name.disposition,
        "Cache-Control": f"private, max-age={name.expires - name.created}, immutable",
    }
