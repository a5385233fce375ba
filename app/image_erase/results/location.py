"""Interpret ERASE_STORAGE_URL; only this module distinguishes the kinds of storage."""

from pathlib import Path

from image_erase.results.bucket import BucketStore
from image_erase.results.bucket_client import DEFAULT_TIMEOUTS, BucketTimeouts
from image_erase.results.directory import DirectoryStore, local_path
from image_erase.results.store import ResultStore


def open_store(
    url: str, limit_bytes: int | None = None, bucket_timeouts: BucketTimeouts = DEFAULT_TIMEOUTS
) -> ResultStore:
    """Open the store of results at the URL. limit_bytes: for all results together. Raises StoreError."""
    folder = folder_of(url)
    if folder:
        return DirectoryStore(folder / "results", limit_bytes)
    return BucketStore(url, limit_bytes, bucket_timeouts)


def folder_of(url: str) -> Path | None:
    """Return the folder that the URL names, with the folder of results and the generated secrets; None for a bucket."""
    return local_path(url) if url.startswith("file:") else None
