"""Check the storage of results."""

import asyncio
import shutil
import time

from image_erase.doctor.finding import Finding, Level
from image_erase.results.bucket import BucketStore
from image_erase.results.location import folder_of, open_store
from image_erase.results.names import ResultName
from image_erase.results.store import ResultMissing, ResultStore, StoreError
from image_erase.settings import Settings

MIB = 1024 * 1024
# The largest result is close to 50 MB. FULL_BYTES: room for about two. LOW_BYTES: may not last a busy day.
FULL_BYTES = 100 * MIB
LOW_BYTES = 1024 * MIB
# Lifetime of the trial object in a bucket, in case deleting it fails.
TRIED_SECONDS = 60


def storage(settings: Settings) -> Finding:
    """Check that results can be written and, in a bucket, read, listed and deleted (each needs a permission)."""
    where = folder_of(settings.storage_url) or settings.storage_url
    try:
        store = open_store(settings.storage_url)
        done = asyncio.run(_try_bucket(store) if isinstance(store, BucketStore) else _try_folder(store))
    except StoreError as error:
        return Finding(Level.WRONG, "storage", f"{where} cannot be written ({error}); see ERASE_STORAGE_URL")
    except _BucketFailure as failure:
        return Finding(Level.WRONG, "storage", f"{where} cannot be {failure}; see ERASE_STORAGE_URL")
    return Finding(Level.OK, "storage", f"{where} can be {done}")


def space(settings: Settings) -> Finding:
    """Check that there is free space for results."""
    folder = folder_of(settings.storage_url)
    if folder is None:
        return Finding(Level.OK, "space", "not limited by this machine: results are in a bucket")
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(Level.WRONG, "space", f"cannot be determined ({error.strerror})")
    if free < FULL_BYTES:
        return Finding(Level.WRONG, "space", f"only {free // MIB} MiB are free in the storage")
    if free < LOW_BYTES:
        return Finding(Level.WARNING, "space", f"{free // MIB} MiB are free in the storage, which is not much")
    return Finding(Level.OK, "space", f"{free // MIB} MiB are free in the storage")


class _BucketFailure(Exception):
    """An operation that failed in a bucket, and why."""


async def _try_folder(store: ResultStore) -> str:
    await store.check()
    return "written"


async def _try_bucket(store: BucketStore) -> str:
    """Perform every operation of the server on a small trial object."""
    now = time.time()
    name = ResultName.new("png", now, TRIED_SECONDS)

    async def read() -> None:
        opened = await store.open(name, 0, await store.size(name))
        assert b"".join([chunk async for chunk in opened.chunks()]) == b"tried"

    async def find() -> None:
        if name not in [found async for found in store.expired(now + TRIED_SECONDS)]:
            raise ResultMissing

    steps = {"written": store.put(name, b"tried"), "read": read(), "listed": find(), "deleted": store.delete(name)}
    try:
        for done, step in steps.items():
            try:
                await step
            except StoreError as error:
                raise _BucketFailure(f"{done} ({error})") from None
            except ResultMissing:
                raise _BucketFailure(f"{done} (the written object is missing)") from None
    finally:
        for step in steps.values():
            step.close()
    return "written, read, listed and deleted"
