"""Graceful shutdown behind a load balancer: announce it first, stop listening later."""

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.datastructures import State

from image_erase.system import stop_signals

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
        #: Why the server stops: a signal's name, where it was one.
        self.reason = "asked to"

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop, for the reason of this signal; a second SIGINT does not wait for requests."""
        self.reason = signal.Signals(sig).name
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop in order on all signals that ask for it; one that is ignored, as SIGHUP is under nohup, stays ignored.

        uvicorn raises them again once it has stopped, so that the process ends as if it had been killed; a stop in
        order is no failure.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        heeded = [number for number in stop_signals() if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self.handle_exit) for number in heeded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop serving. uvicorn calls it ten times a second."""
        if not await super().on_tick(counter):
            return False
        if self._deadline is None:
            self._deadline = time.monotonic() + self._delay_seconds
            self._state.stopping = True
            log.info("stopping", extra={"reason": self.reason, "delay_seconds": self._delay_seconds})
        return self.force_exit or time.monotonic() >= self._deadline
