"""The kernel's knowledge of a TCP connection: acknowledged bytes, resets, unread bytes."""

import asyncio
import socket
import struct
import sys

from image_erase.system import unread_bytes

# Linux' struct tcp_info: its first byte is the state, tcpi_bytes_acked (since 4.1) is a u64 at this offset.
_ACKED_AT = 120
_TCP_CLOSE = 7


class Peer:
    """Reads the state of one connection. Without kernel support, `acknowledged` is None and `is_reset` is false."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._socket = transport.get_extra_info("socket")

    def acknowledged(self) -> int | None:
        """The bytes that the peer's system has acknowledged since the start of the connection."""
        info = self._info(_ACKED_AT + 8)
        return struct.unpack_from("=Q", info, _ACKED_AT)[0] if len(info) >= _ACKED_AT + 8 else None

    def is_reset(self) -> bool:
        """Whether the peer has reset the connection."""
        return self._info(1)[:1] == bytes([_TCP_CLOSE])

    def has_unread(self) -> bool:
        """Whether received bytes wait in the socket."""
        return self._socket is not None and unread_bytes(self._socket.fileno()) > 0

    def _info(self, size: int) -> bytes:
        if self._socket is None or not sys.platform.startswith("linux"):
            return b""
        try:
            info: bytes = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
        except OSError:
            return b""
        return info
