"""Interpret ERASE_STORAGE_URL; only this module distinguishes the kinds of storage."""

import re
from pathlib import Path

from image_erase.results.bucket import BucketStore
from image_erase.results.directory import DirectoryStore, local_path
from image_erase.results.store import ResultStore

_BUCKET = re.compile(r"(s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(/(?!\.{1,2}(/|$))[A-Za-z0-9!_.*'()=-]+)*/?")


def is_storage_url(url: str) -> bool:
    """Whether the URL is a valid storage URL."""
    return url.startswith("file:") or _BUCKET.fullmatch(url) is not None


def open_store(url: str, limit_bytes: int | None = None) -> ResultStore:
    """Open the store of results at the URL. limit_bytes: for all results together. Raises StoreError."""
    folder = folder_of(url)
    return DirectoryStore(folder / "results", limit_bytes) if folder else BucketStore(url, limit_bytes)


def folder_of(url: str) -> Path | None:
    """The folder that the URL names, which holds the results' folder and the kept secrets; None for a bucket."""
    return local_path(url) if url.startswith("file:") else None
