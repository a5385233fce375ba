"""Graceful shutdown behind a load balancer: announce it first, stop listening later."""

import logging
import time

import uvicorn
from starlette.datastructures import State

log = logging.getLogger(__name__)


class StoppingServer(uvicorn.Server):
    """uvicorn server that keeps serving for a while after it was told to stop.

    A load balancer notices the shutdown only at its next check of /readyz and sends requests until then. If the
    server stopped listening at once, these would be refused, and connections that the kernel has accepted but the
    server has not would be reset.
    """

    def __init__(self, config: uvicorn.Config, state: State, delay_seconds: float) -> None:
        """state: of the application; its `stopping` becomes true when the shutdown begins."""
        super().__init__(config)
        self._state, self._delay_seconds = state, delay_seconds
        self._deadline: float | None = None

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop serving. uvicorn calls it ten times a second."""
        if not await super().on_tick(counter):
            return False
        if self._deadline is None:
            self._deadline = time.monotonic() + self._delay_seconds
            self._state.stopping = True
            log.info("stopping", extra={"delay_seconds": self._delay_seconds})
        return self.force_exit or time.monotonic() >= self._deadline
