"""Stopping where something in front shares out the requests: say so first, stop listening after."""

import logging
import time

import uvicorn
from starlette.datastructures import State

log = logging.getLogger(__name__)


class StoppingServer(uvicorn.Server):
    """uvicorn, which serves on for a while once it is to stop.

    Whatever shares out the requests sees only at its next check of /readyz that this server is to get no more. Until
    then it sends some; with nobody listening they would be refused, and those that the kernel has taken but the
    server has not would be reset.
    """

    def __init__(self, config: uvicorn.Config, state: State, delay_seconds: float) -> None:
        """state: the application's; its `stopping` becomes true when the server is to stop."""
        super().__init__(config)
        self._state, self._delay_seconds = state, delay_seconds
        self._deadline: float | None = None

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; returns whether the time to serve is over."""
        if not await super().on_tick(counter):
            return False
        if self._deadline is None:
            self._deadline = time.monotonic() + self._delay_seconds
            self._state.stopping = True
            log.info("stopping", extra={"delay_seconds": self._delay_seconds})
        return self.force_exit or time.monotonic() >= self._deadline
