"""Results in a bucket: S3 and compatible stores, Google Cloud Storage, Azure Blob Storage."""

import asyncio
import os
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from random import SystemRandom
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, InvalidPathError
from obstore.store import AzureStore, GCSStore, S3Store

from image_erase.results.failures import Failures, ResultMissing, StoreError
from image_erase.results.names import ResultName
from image_erase.results.reasons import call_reason, opening_reason
from image_erase.results.room import Room
from image_erase.results.store import BATCH, Kept, Presign, ResultStore

Bucket = S3Store | GCSStore | AzureStore
KINDS: dict[str, type[S3Store] | type[GCSStore] | type[AzureStore]] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
#: Variables with the endpoint of a store; only these may make the connection unencrypted.
ENDPOINTS = (
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AZURE_ENDPOINT",
    "AZURE_STORAGE_ENDPOINT",
    "GOOGLE_BASE_URL",
)

# Connecting takes milliseconds; a host that has not answered after this time is unreachable.
CONNECT_SECONDS = 2
# A result of 64 MB takes 6 s at 100 Mbit/s.
REQUEST_SECONDS = 12
# Longest pause within a download. Its whole duration depends on the client, for which the server has a limit.
READ_SECONDS = 5
DOWNLOAD_SECONDS = 3600
RETRIES = 2
# No retry begins after this long, and nothing but a download lasts longer than the next, retries and all: with the
# longest job (25 s) that stays below the 60 s after which clients and proxies commonly give up.
RETRY_SECONDS = 8
CALL_SECONDS = 20
# A probe must end before those who ask for it give up, and costs money, whoever asks and however often.
CHECK_SECONDS = 4
CHECK_INTERVAL_SECONDS = 5
# Of one that is listed, 250 results are deleted in one request: Azure takes 256 at most, S3 1000.
DELETES_AT_ONCE = 10
# How long results are deleted one by one where the store does not delete all of a batch together.
DELETE_SECONDS = 60
# If the days cannot be listed, those within this many days of today are read.
DAYS_AROUND = 32
# How many unreadable keys are skipped in a day.
_PASSED_OVER = 100
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BAD_KEY = re.compile(r'[Pp]ath:? "([^"]*)"')


class BucketStore(ResultStore):
    """Results in a bucket, which any number of servers may share. A result is written by one atomic request."""

    def __init__(
        self, url: str, limit_bytes: int | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Open s3://, gs:// or az://bucket/prefix with the credentials of the environment, without a request.

        Raises StoreError if these cannot be used.
        """
        self._bucket = open_bucket(url, timeout=f"{REQUEST_SECONDS}s")
        downloads = open_bucket(url, timeout=f"{DOWNLOAD_SECONDS}s", read_timeout=f"{READ_SECONDS}s")
        super().__init__(self._bucket, Room(limit_bytes), downloads)
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
            # One that another sweeper has deleted, or that may not be deleted: not every store goes on with the rest.
            gone = await self._delete_each(results, failures)
        self.room.give_back(sum(result.size for result in gone))
        return len(gone)

    async def _delete_each(self, results: Sequence[Kept], failures: Failures) -> list[Kept]:
        """Delete one by one, for a limited time. Returns the number deleted."""
        free, end = asyncio.Semaphore(DELETES_AT_ONCE), asyncio.get_running_loop().time() + DELETE_SECONDS

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
        today = _day(now)
        for day in await self._days(now, failures):
            if day <= today:
                async for result in self._listed(day, failures):
                    if result.name.expires > now:
                        break
                    yield result

    async def _days(self, now: float, failures: Failures) -> list[str]:
        """The folders of days; those around now where one that the library can't read hides them."""
        try:
            async with self._call():
                days = (await obstore.list_with_delimiter_async(self._bucket))["common_prefixes"]
        except InvalidKey as error:
            failures.add(error.key, error)
            days = [_day(now + 86400 * away) for away in range(-DAYS_AROUND, DAYS_AROUND + 1)]
        return sorted(day for day in days if _DAY.fullmatch(day))

    async def _listed(self, day: str, failures: Failures) -> AsyncIterator[Kept]:
        """The results of a day. Keys that the library can't read are passed over, with what comes before on a page."""
        after = f"{day}/0"  # before all of ours
        for _ in range(_PASSED_OVER):
            try:
                async for result in self._pages(day, after):
                    yield result
                return
            except InvalidKey as error:
                failures.add(error.key, error)
                behind = _behind(error.key.removeprefix(f"{self._prefix}/"))
                if behind is None or behind <= after:
                    return
                after = behind
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
        """Whether the last check is more than 5 s old; until then its outcome is reused."""
        return last.done() and self._monotonic() >= self._next_check

    async def _check(self) -> None:
        self._next_check = self._monotonic() + CHECK_INTERVAL_SECONDS
        async with self._call(seconds=CHECK_SECONDS):
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
    async def _call(self, missing: type[Exception] | None = None, seconds: float = CALL_SECONDS) -> AsyncIterator[None]:
        with self._translated(missing):
            async with asyncio.timeout(seconds):
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


def unreadable_key(error: InvalidPathError) -> str:
    """Return the key that the library refuses, including the store's prefix; empty if the error does not say it."""
    found = _BAD_KEY.search(str(error))
    return found[1] if found else ""


def _day(now: float) -> str:
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"


def _behind(bad: str) -> str | None:
    """A key that can be read and is listed after one that can't, which has a segment "", "." or ".."; None else."""
    segments = bad.split("/")
    for position, segment in enumerate(segments[1:], 1):
        if segment in ("", ".", ".."):
            return "/".join((*segments[:position], f"{segment}0"))  # 0 is the character after /
    return None


def _attributes(name: ResultName) -> dict[str, str]:
    """What a presigned link answers with."""
    return {
        "Content-Type": name.content_type,
        "Content-Disposition": name.disposition,
        "Cache-Control": f"private, max-age={name.expires - name.created}, immutable",
    }


def open_bucket(url: str, *, retries: int = RETRIES, retry_seconds: float = 0, **timeouts: str) -> Bucket:
    """Open s3://, gs:// or az://bucket/prefix with the credentials of the environment, without a request.

    retries: of a failed request, within retry_seconds (0: RETRY_SECONDS). timeouts: more options of the library's
    client. Raises StoreError.
    """
    parts = urlsplit(url)
    client = {
        "connect_timeout": f"{CONNECT_SECONDS}s",
        "allow_http": any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS),
    }
    backoff = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2}
    patience = timedelta(seconds=retry_seconds or RETRY_SECONDS)
    retry = {"max_retries": retries, "retry_timeout": patience, "backoff": backoff}
    try:
        return KINDS[parts.scheme](
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            client_options=client | timeouts,  # type: ignore[arg-type]
            retry_config=retry,  # type: ignore[arg-type]
        )
    except (BaseError, OSError, ValueError) as error:
        raise StoreError(opening_reason(error)) from None
