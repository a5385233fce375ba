"""Check the storage of results."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path

from image_erase.doctor.finding import Finding, Level
from image_erase.results.failures import Failures, ResultMissing, StoreError
from image_erase.results.location import folder_of, open_store
from image_erase.results.names import ResultName
from image_erase.results.room import WARNING_SHARES, Disk
from image_erase.results.store import ResultStore
from image_erase.settings import ResultSettings

MIB = 1024 * 1024
# Usage at which space is short.
LOW_BYTES = 1024 * MIB
# Lifetime of the trial result, in case deleting it fails.
TRIED_SECONDS = 60
TRIED = b"tried"


class _Failed(Exception):
    """An operation that failed, and why."""


def storage(settings: ResultSettings) -> Finding:
    """Check that results can be written, read, listed and deleted; in a bucket each needs a permission."""
    where = folder_of(settings.storage_url) or settings.storage_url
    try:
        asyncio.run(_try_out(open_store(settings.storage_url)))
    except StoreError as error:
        return Finding(Level.WRONG, "storage", f"{where} cannot be written ({error}); see ERASE_STORAGE_URL")
    except _Failed as failure:
        return Finding(Level.WRONG, "storage", f"{where} cannot be {failure}; see ERASE_STORAGE_URL")
    return Finding(Level.OK, "storage", f"{where} can be written, read, listed and deleted")


def space(settings: ResultSettings) -> Finding:
    """Check that there is free space for results."""
    folder = folder_of(settings.storage_url)
    try:
        store = open_store(settings.storage_url, settings.storage_bytes) if _exists(folder) else None
        if store and store.counts:
            asyncio.run(store.count(time.time()))
        disk = Disk.of(folder) if folder else None
    except (StoreError, OSError) as error:
        says = error.strerror if isinstance(error, OSError) else str(error)
        return Finding(Level.WRONG, "space", f"cannot be determined ({says})")
    return _judged(store, disk)


def _exists(folder: Path | None) -> bool:
    """Whether the store exists, without creating it. folder: None for a bucket."""
    return folder is None or (folder / "results").is_dir()


def _judged(store: ResultStore | None, disk: Disk | None) -> Finding:
    if disk is None and (store is None or not store.counts):
        return Finding(Level.OK, "space", "not limited by this machine: results are in a bucket")
    limit, used = (store.room.limit, store.room.used) if store else (None, 0)
    fullness = max(disk.fullness if disk else 0.0, used / limit if limit else 0.0)
    says = [f"{disk.available // MIB} MiB are free in the storage"] if disk else []
    says += [f"results take {used // MIB} MiB" + (f" of {limit // MIB} MiB" if limit else "")] if store else []
    if fullness >= 1:
        return Finding(Level.WRONG, "space", f"{', '.join(says)}; full")
    if fullness >= WARNING_SHARES[0] or (disk and disk.available < LOW_BYTES):
        return Finding(Level.WARNING, "space", f"{', '.join(says)}; {fullness:.0%} full")
    return Finding(Level.OK, "space", ", ".join(says))


async def _try_out(store: ResultStore) -> None:
    """Perform every operation of the server on a small trial result."""
    now = time.time()
    name = ResultName.new("png", now, TRIED_SECONDS)
    try:
        await _step("written", store.put(name, TRIED))
        await _step("read", _read(store, name))
        await _step("listed", _find(store, name, now + TRIED_SECONDS))
    except _Failed:
        # The first failure is reported.
        with suppress(StoreError):
            await store.delete(name, len(TRIED))
        raise
    await _step("deleted", store.delete(name, len(TRIED)))


async def _step(done: str, step: Awaitable[None]) -> None:
    try:
        await step
    except StoreError as error:
        raise _Failed(f"{done} ({error})") from None
    except ResultMissing:
        raise _Failed(f"{done} (the written object is missing)") from None


async def _read(store: ResultStore, name: ResultName) -> None:
    opened = await store.open(name, 0, await store.size(name))
    if b"".join([chunk async for chunk in opened.chunks()]) != TRIED:
        raise ResultMissing


async def _find(store: ResultStore, name: ResultName, now: float) -> None:
    failures = Failures()
    if name not in [found.name async for found in store.expired(now, failures)]:
        failures.raise_any()
        raise ResultMissing
