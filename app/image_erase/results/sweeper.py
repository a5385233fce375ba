"""Deletes what has expired, and goes on doing so whatever happens."""

import asyncio
import logging

from image_erase.clock import Clock
from image_erase.observer import UNOBSERVED, Observer
from image_erase.results.names import ResultName
from image_erase.results.store import ResultStore, StoreError

log = logging.getLogger(__name__)


class Sweeper:
    """Any number of sweepers may work on one store: a result that another has just deleted counts as deleted."""

    def __init__(
        self,
        store: ResultStore,
        clock: Clock,
        interval_seconds: float,
        observer: Observer = UNOBSERVED,
        first_delay_seconds: float = 0,
    ) -> None:
        """first_delay_seconds: how long to wait before the first sweep; servers that differ in it stay apart."""
        self._store, self._clock, self._interval = store, clock, interval_seconds
        self._observer, self._first_delay = observer, first_delay_seconds

    async def sweep(self) -> int:
        """Delete what has expired by now. Returns how many files that were. Raises StoreError."""
        now = self._clock()
        deleted = await self._store.delete_leftovers(now)
        self._observer.swept(deleted)
        batch: list[ResultName] = []
        async for name in self._store.expired(now):
            batch.append(name)
            if len(batch) >= self._store.delete_batch:
                deleted += await self._delete(batch)
                batch = []
        return deleted + await self._delete(batch)

    async def _delete(self, names: list[ResultName]) -> int:
        if names:
            await self._store.delete_all(names)
            self._observer.swept(len(names))
        return len(names)

    async def run(self) -> None:
        """Sweep after the first delay and then every interval, until cancelled."""
        await asyncio.sleep(self._first_delay)
        while True:
            try:
                deleted = await self.sweep()
                if deleted:
                    log.info("swept", extra={"deleted": deleted})
            except (StoreError, OSError, RuntimeError) as error:
                log.warning("sweep failed, trying again later", extra={"reason": str(error)})
            await asyncio.sleep(self._interval)
