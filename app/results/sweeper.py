"""Deletes what has expired, and goes on doing so whatever happens."""

import asyncio
import logging

from app.clock import Clock
from app.observer import UNOBSERVED, Observer
from app.results.store import ResultStore, StoreError

log = logging.getLogger(__name__)


class Sweeper:
    """Any number of sweepers may work on one store: a result that another has just deleted counts as deleted."""

    def __init__(
        self, store: ResultStore, clock: Clock, interval_seconds: float, observer: Observer = UNOBSERVED
    ) -> None:
        self._store, self._clock, self._interval = store, clock, interval_seconds
        self._observer = observer

    async def sweep(self) -> int:
        """Delete what has expired by now. Returns how many files that were. Raises StoreError."""
        now = self._clock()
        deleted = await self._store.delete_leftovers(now)
        self._observer.swept(deleted)
        async for name in self._store.expired(now):
            await self._store.delete(name)
            self._observer.swept(1)
            deleted += 1
        return deleted

    async def run(self) -> None:
        """Sweep now and then every interval, until cancelled."""
        while True:
            try:
                deleted = await self.sweep()
                if deleted:
                    log.info("swept", extra={"deleted": deleted})
            except (StoreError, OSError, RuntimeError) as error:
                log.warning("sweep failed, trying again later", extra={"reason": str(error)})
            await asyncio.sleep(self._interval)
