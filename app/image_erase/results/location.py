"""Interpret ERASE_STORAGE_URL; only this module distinguishes the kinds of storage."""

from pathlib import Path

from image_erase.results.bucket import BucketStore
from image_erase.results.directory import DirectoryStore, local_path
from image_erase.results.store import ResultStore


def open_store(url: str, limit_bytes: int | None = None) -> ResultStore:
    """Open the store of results at the URL. limit_bytes: for all results together. Raises StoreError."""
    folder = folder_of(url)
    return DirectoryStore(folder / "results", limit_bytes) if folder else BucketStore(url, limit_bytes)


def folder_of(url: str) -> Path | None:
    """The folder that the URL names, which holds the results' folder and the kept secrets; None for a bucket."""
    return local_path(url) if url.startswith("file:") else None
