"""Graceful shutdown behind a load balancer, and reloading on a signal."""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.datastructures import State

from image_erase.system import has_terminal, stop_signals

log = logging.getLogger(__name__)


class StoppingServer(uvicorn.Server):
    """uvicorn server that keeps serving for a while after it was told to stop.

    A load balancer notices the shutdown only at its next check of /readyz and sends requests until then. If the
    server stopped listening at once, these would be refused, and connections that the kernel has accepted but the
    server has not would be reset.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        state: State,
        delay_seconds: float,
        reload: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """state: of the application; its `stopping` becomes true when the shutdown begins.

        reload: reloads the settings, raises nothing; None if they cannot be reloaded.
        """
        super().__init__(config)
        self._reload = reload
        self._reload_wanted = False
        self._reloading: asyncio.Future[None] | None = None
        self._has_terminal = has_terminal()
        self._state, self._delay_seconds = state, delay_seconds
        self._deadline: float | None = None
        #: Why the server stops: the name of a signal, if it was one.
        self.reason = "asked to"

    def request_reload(self) -> None:
        """Reload the settings soon. May be called from a signal handler or another thread."""
        self._reload_wanted = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop for the reason of this signal; a second SIGINT does not wait for requests.

        SIGHUP reloads the settings instead, unless it means that the server's terminal was closed.
        """
        if self._reload and sig == getattr(signal, "SIGHUP", None) and not (self._has_terminal and not has_terminal()):
            self.request_reload()
            return
        self.reason = signal.Signals(sig).name
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle all signals that stop or reload; one that is ignored, as SIGHUP is under nohup, stays ignored.

        uvicorn raises them again once it has stopped, so that the process ends as if it had been killed; but a graceful
        stop is not a failure.
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
        if self._reload and self._reload_wanted and (self._reloading is None or self._reloading.done()):
            self._reload_wanted = False
            self._reloading = asyncio.ensure_future(self._reload())
        if not await super().on_tick(counter):
            return False
        if self._deadline is None:
            self._deadline = time.monotonic() + self._delay_seconds
            self._state.stopping = True
            log.info("stopping", extra={"reason": self.reason, "delay_seconds": self._delay_seconds})
        return self.force_exit or time.monotonic() >= self._deadline
