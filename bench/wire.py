"""A client on a bare socket, so that what is measured is the server and not the client."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import BOUNDARY, PATH, Served

# Answers up to this size are returned, of larger ones only the length.
KEPT_BYTES = 1 << 16
_BUFFER = bytearray(1 << 20)


class Wire:
    """One kept-alive connection. Answers must have a Content-Length."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def ask(self, request: bytes, bytes_per_second: float | None = None) -> tuple[int, bytes]:
        """Send a request and read its answer, as fast as it comes or at a steady rate.

        Returns the length of the body, and the body itself where it is small. Raises RuntimeError unless it is 200.
        """
        self._socket.sendall(request)
        received = bytearray()
        while b"\r\n\r\n" not in received:
            received += self._some()
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields[b"content-length"])
        while length <= KEPT_BYTES and len(body) < length:
            body += self._some()
        self._drop(length - len(body), bytes_per_second)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(head.split(b"\r\n")[0] + body)
        return length, body

    def _some(self) -> bytes:
        data = self._socket.recv(KEPT_BYTES)
        if not data:
            raise ConnectionError("closed within an answer")
        return data

    def _drop(self, left: int, bytes_per_second: float | None) -> None:
        started, total = time.perf_counter(), left
        while left:
            taken = self._socket.recv_into(_BUFFER, min(left, len(_BUFFER)))
            if not taken:
                raise ConnectionError("closed within an answer")
            left -= taken
            if bytes_per_second:
                time.sleep(max(0.0, (total - left) / bytes_per_second - (time.perf_counter() - started)))


@contextmanager
def wire(server: Served) -> Iterator[Wire]:
    """A connection that is closed at the end."""
    connection = Wire(server.port)
    try:
        yield connection
    finally:
        connection.close()


def erase_request(server: Served, body: bytes) -> bytes:
    """A request to erase. body: made by multipart()."""
    lines = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nailabapi-api-key: {server.key}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return lines.encode() + body


def get_request(server: Served, path: str) -> bytes:
    """A request of a path."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()


def result_of(server: Served, body: bytes) -> str:
    """Erase, and return the path of the result's link."""
    with wire(server) as connection:
        _, answer = connection.ask(erase_request(server, body))
    return "/" + str(json.loads(answer)["data"]["image_url"]).split("/", 3)[3]


def processor_seconds(pid: int) -> float:
    """What one process's threads have used of the processors, without its children."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9
