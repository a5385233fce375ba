"""The bytes that a connection sends, and whether its client still receives them."""

import asyncio
from collections.abc import Callable

from image_erase.http.limits import Limits
from image_erase.http.peer import Peer

# The first bytes of every response.
_VERSION = b"HTTP/1.1 "


class Outgoing:
    """Sends bytes on one connection, and aborts it if the client receives too few of them.

    transport: what to write to; replaced when the connection becomes an encrypted one, which writes to the first one.
    """

    def __init__(self, transport: asyncio.Transport, peer: Peer, limits: Limits, on_stall: Callable[[], None]) -> None:
        """on_stall: called before a connection is aborted because its client receives too little."""
        self.transport = self._raw = transport
        self._peer, self._limits, self._on_stall = peer, limits, on_stall
        self._loop = asyncio.get_running_loop()
        self._version_sent = False
        self._written = 0
        self._received_before: tuple[int, bool] = 0, False
        self._timer: asyncio.TimerHandle | None = None
        self._drained = asyncio.Event()
        self._drained.set()

    def write(self, data: bytes) -> None:
        """Send bytes and watch the client's progress; bytes for a lost connection are discarded."""
        if self.transport.is_closing():
            return
        if self._version_sent:
            self._version_sent, data = False, data[len(_VERSION) :]
        self._written += len(data)
        self.transport.write(data)
        if self._timer is None and self.unsent():
            self._received_before = self._received_now()
            self._timer = self._loop.call_later(self._limits.stall_seconds, self._check_progress)

    def begin(self) -> None:
        """Send the first bytes of the next response, unless that has been done."""
        if not self._version_sent:
            self.write(_VERSION)
            self._version_sent = True

    def unsent(self) -> int:
        """Return how many bytes wait in this process, those of TLS in both transports."""
        encrypted = self._raw.get_write_buffer_size() if self.transport is not self._raw else 0
        return self.transport.get_write_buffer_size() + encrypted

    async def drained(self) -> None:
        """Wait until the write buffer is below its low-water mark."""
        await self._drained.wait()

    def pause(self) -> None:
        """Note that the write buffer exceeds its high-water mark."""
        self._drained.clear()

    def resume(self) -> None:
        """Note that the write buffer is below its low-water mark again."""
        self._drained.set()

    def lost(self) -> None:
        """End the watch and every wait, because the connection has ended."""
        if self._timer:
            self._timer.cancel()
        self._drained.set()

    def _received_now(self) -> tuple[int, bool]:
        """Return how many of the bytes written were received, and whether the number is exact."""
        acknowledged = self._peer.acknowledged()
        if acknowledged is not None:
            return acknowledged, True
        return self._written - self.unsent(), False

    def _check_progress(self) -> None:
        """Abort a connection whose client receives too little of its response.

        If the kernel does not report what the peer has acknowledged, only the bytes that left this process are known.
        They advance in coarse steps, so then only a client that received nothing at all is ended.
        """
        self._timer = None
        if not self.unsent():
            return
        (before, _), (now, is_exact) = self._received_before, self._received_now()
        if now - before < (self._limits.stall_bytes if is_exact else 1):
            self._on_stall()
            self.transport.abort()
            return
        self._received_before = now, is_exact
        self._timer = self._loop.call_later(self._limits.stall_seconds, self._check_progress)
