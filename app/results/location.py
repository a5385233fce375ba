"""What ERASE_STORAGE_URL names: the one place that tells the kinds of storage apart."""

from pathlib import Path

from app.results.directory import DirectoryStore, local_path
from app.results.store import ResultStore


def open_store(url: str) -> ResultStore:
    """The store of results that the URL names. Raises StoreError."""
    return DirectoryStore(folder_of(url) / "results")


def folder_of(url: str) -> Path:
    """The folder that the URL names, which holds the results' folder and the kept secrets."""
    return local_path(url)
