"""What the other side of a TCP connection has taken, and has sent, as the kernel knows it."""

import asyncio
import socket
import struct
import sys

from image_erase.system import unread_bytes

# struct tcp_info of Linux: its first byte is the state, tcpi_bytes_acked is a u64 at this place (since 4.1).
_ACKED_AT = 120
_TCP_CLOSE = 7


class Taken:
    """Watches one connection. Where the kernel says nothing, `acknowledged` is None and `is_reset` is false."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._socket = transport.get_extra_info("socket")

    def acknowledged(self) -> int | None:
        """Bytes that the peer's system has acknowledged since the connection began."""
        info = self._info(_ACKED_AT + 8)
        return struct.unpack_from("=Q", info, _ACKED_AT)[0] if len(info) >= _ACKED_AT + 8 else None

    def is_reset(self) -> bool:
        """Whether the peer has refused what was sent to it last: nobody reads there any more."""
        return self._info(1)[:1] == bytes([_TCP_CLOSE])

    def has_unread(self) -> bool:
        """Whether there are bytes of the peer's that nobody has read yet."""
        return self._socket is not None and unread_bytes(self._socket.fileno()) > 0

    def _info(self, size: int) -> bytes:
        if self._socket is None or not sys.platform.startswith("linux"):
            return b""
        try:
            info: bytes = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
        except OSError:
            return b""
        return info
