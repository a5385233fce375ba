"""Open buckets: S3 and compatible stores, Google Cloud Storage, Azure Blob Storage."""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from obstore.exceptions import BaseError, InvalidPathError
from obstore.store import AzureStore, GCSStore, S3Store

from image_erase.results.failures import StoreError
from image_erase.results.reasons import opening_reason

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
RETRIES = 2
_BAD_KEY = re.compile(r'[Pp]ath:? "([^"]*)"')


@dataclass(frozen=True)
class BucketTimeouts:
    """Time limits of requests to a bucket, in seconds.

    connect: takes milliseconds, so a host that has not answered after this time is unreachable. request: one request;
    a result of 64 MB takes 6 s at 100 Mbit/s. read: longest pause within a download. download: its whole duration,
    which depends on the client, for which the server has a limit of its own. retry: no retry begins after this. call:
    a request with all its retries, except a download; with the longest job (25 s) that stays below the 60 s after which
    clients and proxies commonly give up. check: one check, which must end before a health check gives up.
    check_interval: least time between two checks, which cost money. delete: deletion of a batch one by one.
    """

    connect: float = 2
    request: float = 12
    read: float = 5
    download: float = 3600
    retry: float = 8
    call: float = 20
    check: float = 4
    check_interval: float = 5
    delete: float = 60


DEFAULT_TIMEOUTS = BucketTimeouts()


def open_bucket(
    url: str, timeouts: BucketTimeouts = DEFAULT_TIMEOUTS, *, retries: int = RETRIES, for_downloads: bool = False
) -> Bucket:
    """Open s3://, gs:// or az://bucket/prefix with the credentials of the environment, without a request.

    retries: of a failed request. for_downloads: whether requests have the time limits of downloads. Raises StoreError.
    """
    parts = urlsplit(url)
    limits = {"timeout": timeouts.download, "read_timeout": timeouts.read} if for_downloads else {}
    limits = {"connect_timeout": timeouts.connect, "timeout": timeouts.request} | limits
    client = {
        "allow_http": any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS),
        **{name: timedelta(seconds=seconds) for name, seconds in limits.items()},
    }
    backoff = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2}
    retry = {"max_retries": retries, "retry_timeout": timedelta(seconds=timeouts.retry), "backoff": backoff}
    try:
        return KINDS[parts.scheme](
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            client_options=client,  # type: ignore[arg-type]
            retry_config=retry,  # type: ignore[arg-type]
        )
    except (BaseError, OSError, ValueError) as error:
        raise StoreError(opening_reason(error)) from None


def unreadable_key(error: InvalidPathError) -> str:
    """Return the key that the library refuses, including the store's prefix; empty if the error does not name it."""
    found = _BAD_KEY.search(str(error))
    return found[1] if found else ""
