"""Delete expired results."""

import logging

from image_erase.clock import Clock
from image_erase.observer import UNOBSERVED, Observer
from image_erase.results.failures import Failures
from image_erase.results.store import BATCH, Kept, ResultStore

log = logging.getLogger(__name__)


class Sweeper:
    """Deletes expired results. Several sweepers may share a store: a result deleted by another counts as deleted."""

    def __init__(self, store: ResultStore, clock: Clock, observer: Observer = UNOBSERVED) -> None:
        self._store, self._clock, self._observer = store, clock, observer

    async def sweep(self) -> int:
        """Delete all expired results. Returns how many were deleted.

        Raises EntriesFailed after the sweep if some entries failed, or StoreError if the store as a whole fails.
        """
        now, failures = self._clock(), Failures()
        deleted = await self._store.delete_leftovers(now, failures)
        self._observer.swept(deleted)
        batch: list[Kept] = []
        async for result in self._store.expired(now, failures):
            batch.append(result)
            if len(batch) >= BATCH:
                deleted += await self._delete(batch, failures)
                batch = []
        deleted += await self._delete(batch, failures)
        if deleted:
            log.info("expired results deleted", extra={"deleted": deleted})
        failures.raise_any()
        return deleted

    async def _delete(self, results: list[Kept], failures: Failures) -> int:
        deleted = await self._store.delete_all(results, failures) if results else 0
        self._observer.swept(deleted)
        return deleted
