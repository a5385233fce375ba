"""Results in a bucket: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage."""

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from image_erase.results.names import ResultName
from image_erase.results.reasons import call_reason, opening_reason
from image_erase.results.store import ResultMissing, ResultStore, StoreError

Bucket = S3Store | GCSStore | AzureStore
KINDS: dict[str, type[S3Store] | type[GCSStore] | type[AzureStore]] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
#: Where the environment may say that a store is elsewhere; unencrypted only where it says so there.
ENDPOINTS = (
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AZURE_ENDPOINT",
    "AZURE_STORAGE_ENDPOINT",
    "GOOGLE_BASE_URL",
)

# A connection takes milliseconds; what has not answered after this long is not there.
CONNECT_SECONDS = 2
# A result of 64 MB takes 6 s at 100 Mbit/s.
REQUEST_SECONDS = 12
# Between two pieces of a download; the whole lasts as long as its client takes, which the server bounds.
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
# What one request deletes at most: Azure takes 256, S3 1000.
DELETE_BATCH = 250
DELETES_AT_ONCE = 10


class BucketStore(ResultStore):
    """A put is one request, which a store takes whole or not at all. Any number of servers may share a bucket."""

    delete_batch = DELETE_BATCH

    def __init__(self, url: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Open s3://, gs:// or az://bucket/prefix with what the environment says. Asks nobody.

        Raises StoreError where the environment can't be followed.
        """
        self._bucket = _opened(url, timeout=f"{REQUEST_SECONDS}s")
        super().__init__(self._bucket, _opened(url, timeout=f"{DOWNLOAD_SECONDS}s", read_timeout=f"{READ_SECONDS}s"))
        self._probe = f"probe-{uuid.uuid4()}"
        self._monotonic = monotonic
        self._checking: asyncio.Task[StoreError | None] | None = None
        self._next_check = 0.0

    async def delete_all(self, names: Sequence[ResultName]) -> None:
        """Delete results, in one request where the store can; that some are gone already is fine."""
        try:
            async with self._call(missing=ResultMissing):
                await obstore.delete_async(self._bucket, [name.key for name in names])
        except ResultMissing:
            # Another sweeper was quicker, and not every store goes on with the rest then.
            await self._delete_each(names)

    async def _delete_each(self, names: Sequence[ResultName]) -> None:
        free = asyncio.Semaphore(DELETES_AT_ONCE)

        async def delete(name: ResultName) -> None:
            async with free:
                await self.delete(name)

        async with asyncio.TaskGroup() as tasks:
            for name in names:
                tasks.create_task(delete(name))

    async def expired(self, now: float) -> AsyncIterator[ResultName]:
        """The results whose time is up, as a bucket lists them: by key, so that the first to last ends it."""
        today = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
        async with self._call():
            days = (await obstore.list_with_delimiter_async(self._bucket))["common_prefixes"]
        for day in sorted(day for day in days if day <= today):
            async for name in self._listed(day):
                if name.expires > now:
                    return
                yield name

    async def _listed(self, prefix: str) -> AsyncIterator[ResultName]:
        pages = obstore.list(self._bucket, prefix=prefix, chunk_size=DELETE_BATCH)
        while True:
            async with self._call():
                page = await anext(pages, None)
            if page is None:
                return
            for entry in page:
                if name := ResultName.from_key(entry["path"]):
                    yield name

    async def check(self) -> None:
        """Write and delete a small object, but not more often than every 5 s: till then, say the same again."""
        if self._checking is None or (self._checking.done() and self._monotonic() >= self._next_check):
            self._next_check = self._monotonic() + CHECK_INTERVAL_SECONDS
            self._checking = asyncio.create_task(self._tried())
        if failure := await asyncio.shield(self._checking):
            raise StoreError(str(failure))

    async def _tried(self) -> StoreError | None:
        try:
            async with self._call(seconds=CHECK_SECONDS):
                await obstore.put_async(self._bucket, self._probe, b"probe", use_multipart=False)
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._bucket, self._probe)
        except StoreError as error:
            return error
        return None

    async def presigned(self, name: ResultName, seconds: int) -> str:
        """The store's own URL of a result, which holds that long. Raises StoreError."""
        async with self._call():
            return await obstore.sign_async(self._bucket, "GET", name.key, timedelta(seconds=seconds))

    def links_origin(self) -> str:
        """The scheme, host and port of presigned links. May ask for credentials. Raises StoreError."""
        try:
            scheme, host, *_ = urlsplit(obstore.sign(self._bucket, "GET", "x", timedelta(seconds=60)))
        except (BaseError, OSError, ValueError) as error:
            raise self._failure(error) from None
        return f"{scheme}://{host}"

    @asynccontextmanager
    async def _call(self, missing: type[Exception] | None = None, seconds: float = CALL_SECONDS) -> AsyncIterator[None]:
        with self._translated(missing):
            async with asyncio.timeout(seconds):
                yield

    def _attributes(self, name: ResultName) -> dict[str, str]:
        """What a presigned link answers with."""
        return {
            "Content-Type": name.content_type,
            "Content-Disposition": name.disposition,
            "Cache-Control": f"private, max-age={name.expires - name.created}",
        }

    @staticmethod
    def _failure(error: Exception) -> StoreError:
        return StoreError(call_reason(error))


def _opened(url: str, **timeouts: str) -> Bucket:
    parts = urlsplit(url)
    client = {
        "connect_timeout": f"{CONNECT_SECONDS}s",
        "allow_http": any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS),
    }
    backoff = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2}
    retry = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS), "backoff": backoff}
    try:
        return KINDS[parts.scheme](
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            client_options=client | timeouts,  # type: ignore[arg-type]
            retry_config=retry,  # type: ignore[arg-type]
        )
    except (BaseError, OSError, ValueError) as error:
        raise StoreError(opening_reason(error)) from None
