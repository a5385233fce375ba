"""A TCP proxy that forwards, stays silent, closes, or answers instead of the server, as the test sets it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Self


class Proxy:
    """A proxy for one local port. A change of its behaviour takes effect at once, also for open connections."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        #: "pass", "silent", "close", or an HTTP answer to give in the other side's place.
        self.behaviour: str | bytes = "pass"
        #: After how many bytes in all, in each direction, connections are cut; None for never.
        self.cut_up: int | None = None
        self.cut_down: int | None = None
        #: How many bytes went up, how often it answered itself, how many pieces it holds back or has held back.
        self.up, self.answered, self.held = 0, 0, 0
        #: How each piece that went up began; a request's first piece begins with its first line.
        self.asked: list[bytes] = []
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.close()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _start(self, what: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=what, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        self._listener.settimeout(0.1)
        while not self._over.is_set():
            with suppress(OSError):
                client = self._listener.accept()[0]
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        """The client's bytes up, in this thread, and what comes back down, in another."""
        with client, suppress(OSError), socket.create_connection(self._target) as server:
            self._start(self._pump_down, server, client)
            for piece in self._pieces(client):
                if isinstance(self.behaviour, bytes):
                    self.answered += 1
                    client.sendall(self.behaviour)
                    break
                if self.behaviour == "pass":
                    self.up += len(piece)
                    self.asked.append(piece[:100])
                    if self.cut_up is not None and self.up > self.cut_up:
                        break
                    server.sendall(piece)
            for side in (client, server):
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def _pump_down(self, server: socket.socket, client: socket.socket) -> None:
        sent = 0
        with suppress(OSError):
            for piece in self._pieces(server):
                sent += len(piece)
                if self.cut_down is not None and sent > self.cut_down:
                    break
                client.sendall(piece)
            client.shutdown(socket.SHUT_RDWR)

    def _pieces(self, side: socket.socket) -> Iterator[bytes]:
        """Yield what a side sends, until the behaviour is to close."""
        side.settimeout(0.05)
        while not self._over.is_set() and self.behaviour != "close":
            try:
                piece = side.recv(65536)
            except TimeoutError:
                continue
            if not piece:
                return
            self.held += self.behaviour == "silent"
            while self.behaviour == "silent" and not self._over.wait(0.02):
                pass
            yield piece
