"""Deletes what has expired."""

import logging

from image_erase.clock import Clock
from image_erase.observer import UNOBSERVED, Observer
from image_erase.results.names import ResultName
from image_erase.results.store import ResultStore

log = logging.getLogger(__name__)


class Sweeper:
    """Any number of sweepers may work on one store: a result that another has just deleted counts as deleted."""

    def __init__(
        self,
        store: ResultStore,
        clock: Clock,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._store, self._clock, self._observer = store, clock, observer

    async def sweep(self) -> int:
        """Delete what has expired by now. Returns how many files were deleted. Raises StoreError."""
        now = self._clock()
        deleted = await self._store.delete_leftovers(now)
        self._observer.swept(deleted)
        batch: list[ResultName] = []
        async for name in self._store.expired(now):
            batch.append(name)
            if len(batch) >= self._store.delete_batch:
                deleted += await self._delete(batch)
                batch = []
        deleted += await self._delete(batch)
        if deleted:
            log.info("swept", extra={"deleted": deleted})
        return deleted

    async def _delete(self, names: list[ResultName]) -> int:
        if names:
            await self._store.delete_all(names)
            self._observer.swept(len(names))
        return len(names)
