"""HTTP over raw sockets, for requests that no HTTP library sends."""

import http.client
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message

SECONDS = 40.0


@dataclass(frozen=True)
class RawAnswer:
    status_code: int
    headers: Message
    content: bytes


@contextmanager
def connected(address: tuple[str, int], receive_buffer: int | None = None) -> Iterator[socket.socket]:
    with socket.socket() as connection:
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(SECONDS)
        connection.connect(address)
        yield connection


def head_of(target: str, headers: Mapping[str, str], method: str = "POST", version: str = "HTTP/1.1") -> bytes:
    """A request's first bytes, up to the empty line."""
    lines = [f"{method} {target} {version}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def read_answer(connection: socket.socket, method: str = "POST") -> RawAnswer:
    """The next answer on the connection; an interim 100 is passed over. Whatever came with it is lost."""
    answer = http.client.HTTPResponse(connection, method=method)
    try:
        answer.begin()
        return RawAnswer(answer.status, answer.headers, answer.read())
    finally:
        answer.close()
        if answer.fp:
            answer.fp.close()


def exchange(address: tuple[str, int], data: bytes, method: str = "POST") -> RawAnswer:
    """Send bytes on a new connection and read one answer."""
    with connected(address) as connection:
        connection.sendall(data)
        return read_answer(connection, method)


def read_to_end(connection: socket.socket) -> bytes:
    """All that still comes until the server closes."""
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def chunked(data: bytes, size: int = 1000) -> bytes:
    """The data in the chunked transfer coding."""
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
