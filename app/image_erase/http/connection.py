"""The life of one connection: its states, each of which has a time limit, TLS, and its end.

docs/architecture.md describes the states and how each of them ends.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, cast

from uvicorn.server import ServerState

from image_erase.http.failures import Reason, Refused
from image_erase.http.identity import RequestIds
from image_erase.http.limits import Limits
from image_erase.http.outgoing import Outgoing
from image_erase.http.peer import Peer
from image_erase.http.tls import handshake
from image_erase.http.turns import Turns

# Most connections that still send after their last response; beyond that, the oldest is reset.
MAX_LINGERING = 128

log = logging.getLogger("image_erase.request")


class State(Enum):
    """The state of a connection. The limits for request bodies and jobs are in the application."""

    NEW = auto()
    HEAD = auto()
    REQUEST = auto()
    KEPT = auto()
    LINGERING = auto()
    CLOSING = auto()


class Shared:
    """State shared by the connections of one server.

    limits, tls: apply to new connections and may be replaced. tls: None for HTTP without encryption. plain_port: the
    port that never uses TLS.
    """

    def __init__(self, limits: Limits, tls: ssl.SSLContext | None = None, plain_port: int | None = None) -> None:
        self.limits, self.tls, self.plain_port = limits, tls, plain_port
        #: Connections without a request in progress, and those in the state LINGERING, longest first. The order is
        #: kept here because the loop's clock does not advance while many connections are accepted.
        self.idle: dict[TimedConnection, None] = {}
        self.lingering: dict[TimedConnection, None] = {}
        self._turns: Turns | None = None

    def turns(self, loop: asyncio.AbstractEventLoop) -> Turns:
        """Return the scheduler of parsing, created on first use."""
        if self._turns is None:
            self._turns = Turns(loop)
        return self._turns


class TimedConnection(asyncio.Protocol):
    """A connection that ends in time, whatever its client does. The subclass reads requests and answers them."""

    transport: asyncio.Transport

    def __init__(
        self,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop | None,
        shared: Shared,
    ) -> None:
        """server_state: uvicorn's. app_state: with the observer and the refuser. loop: None for the running one."""
        self._server_state, self._app_state, self._shared = server_state, app_state, shared
        self.loop = loop or asyncio.get_running_loop()
        self._limits = shared.limits
        self._ended = self._stopping = False
        self._is_encrypted = self._in_handshake = False
        self._early = bytearray()
        self._encrypting: asyncio.Task[None] | None = None
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None
        self.state = State.NEW

    @property
    def awaits_head(self) -> bool:
        """Whether no request is in progress."""
        return self.state in (State.NEW, State.HEAD, State.KEPT)

    # For the subclass to implement.

    def _encrypted(self) -> None:
        """Called when the connection is encrypted and can receive requests."""
        raise NotImplementedError

    def _disconnect(self) -> None:
        """Called when the connection is lost, to end the requests in progress."""
        raise NotImplementedError

    def _discard_input(self) -> None:
        """Called when the last response is complete, to discard what has not been parsed."""
        raise NotImplementedError

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to wait for a request."""
        self.transport = self._raw = cast(asyncio.Transport, transport)
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # uvicorn names its own classes
        connected = transport.get_extra_info("socket")
        if connected and connected.family != getattr(socket, "AF_UNIX", None):
            # asyncio sets it only for listening sockets created in a certain way.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client, self._server = (_address(self.transport, name) for name in ("peername", "sockname"))
        self._peer = Peer(transport)
        self._outgoing = Outgoing(self._raw, self._peer, self._limits, self._note_stall)
        self._enter(State.NEW)
        if self._shared.tls and self._server and self._server[1] != self._shared.plain_port:
            self._in_handshake = self._is_encrypted = True
            self._encrypting = self.loop.create_task(self._encrypt(self._shared.tls))
            self._keep(self._encrypting)
        if len(self._server_state.connections) > self._limits.connections:
            self._make_room()

    async def _encrypt(self, context: ssl.SSLContext) -> None:
        """Continue on an encrypted transport. Until then the state is NEW, with its time limit."""
        encrypted = None
        try:
            encrypted = await handshake(self._raw, self, self._early, context, self._limits.head_seconds)
        finally:
            self._encrypting = None
            if encrypted is None or self.state is State.CLOSING:
                log.debug("TLS handshake failed", extra={"client": self._client and self._client[0]})
                self._raw.abort()
                self.connection_lost(None)
            else:
                self.transport = self._outgoing.transport = encrypted
                self._in_handshake = False
                self._encrypted()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel every timer of the connection."""
        self._enter(State.CLOSING)
        self._cancel(self._timer)
        self._server_state.connections.discard(self)
        self._disconnect()
        self._outgoing.lost()

    def pause_writing(self) -> None:
        """Called when the write buffer exceeds its high-water mark."""
        self._outgoing.pause()

    def resume_writing(self) -> None:
        """Called when the write buffer falls below its low-water mark."""
        self._outgoing.resume()

    # Called by uvicorn.

    def shutdown(self) -> None:
        """Finish the request in progress and accept no further one, because the server stops."""
        self._stopping = True
        if self.awaits_head:
            self._close()

    # Sending.

    def write(self, data: bytes) -> None:
        """Send bytes; those for a lost connection are discarded."""
        self._outgoing.write(data)

    async def drained(self) -> None:
        """Wait until the write buffer is below its low-water mark."""
        await self._outgoing.drained()

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Keep a reference to a task, and let uvicorn wait for it when it stops."""
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    def _refuse(self, refusal: Refused) -> None:
        """Answer without the application, and end the connection."""
        ids = RequestIds()
        answer = self._app_state["refuser"].answer(ids, refusal, None)
        facts = {"status": answer.status, "code": answer.code, "client": self._client and self._client[0]}
        self._app_state["observer"].request_ended("none", answer.status, answer.code)
        log.info("malformed request", extra={**facts, "request_id": ids.request_id, "log_id": ids.log_id})
        if self._in_handshake:
            self._abort()
            return
        headers = {"Content-Length": str(len(answer.body)), "Connection": "close", **answer.headers}
        lines = [f"HTTP/1.1 {answer.status} {answer.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        self.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + answer.body)
        self._finish(is_complete=False)

    # States and their ends.

    def _enter(self, state: State) -> None:
        """Enter a state; its timer replaces the previous one."""
        self.state = state
        self._cancel(self._timer)
        self._timer = None
        self._shared.lingering.pop(self, None)
        self._shared.idle.pop(self, None)
        if self.awaits_head:
            self._shared.idle[self] = None
        if state is State.CLOSING and self._encrypting:
            self._encrypting.cancel()  # uvloop's handshake does not end with its connection
        limits = self._limits
        ends: dict[State, tuple[float, Callable[[], None]]] = {
            State.NEW: (limits.head_seconds, self._close),
            State.HEAD: (limits.head_seconds, self._head_overdue),
            State.KEPT: (limits.keep_alive_seconds, self._close),
            State.LINGERING: (limits.linger_seconds, self._lingered),
        }
        if self._is_encrypted:
            ends[State.CLOSING] = limits.linger_seconds, self._end_closing
        if state in ends:
            self._timer = self.loop.call_later(*ends[state])

    def _head_overdue(self) -> None:
        self._refuse(Refused(Reason.HEAD_OVERDUE, "The request did not arrive in time."))

    def _finish(self, *, is_complete: bool) -> None:
        """End the connection after the response has been delivered. is_complete: whether the request has arrived.

        The server's side is closed at once; what the client still sends is read and discarded, because closing a
        connection with unread bytes would reset it and could destroy the response (RFC 9112, 9.6). TLS has no such half
        of a connection: it is closed at once, or, if the client still sends, after the time for that.
        """
        if self._ended or self.transport.is_closing() or (self._is_encrypted and is_complete):
            self._close()
            return
        self._enter(State.LINGERING)
        self._shared.lingering[self] = None
        self._discard_input()
        if not self._is_encrypted:
            self.transport.write_eof()
        if len(self._shared.lingering) > MAX_LINGERING:
            next(iter(self._shared.lingering)).transport.abort()

    def _lingered(self) -> None:
        if self._outgoing.unsent():
            self._enter(State.LINGERING)  # the client is still receiving the response, and watched
            self._shared.lingering[self] = None
        else:
            self._close()

    def _close(self) -> None:
        """Close after the write buffer is sent; if the client receives none of it, `Outgoing` aborts."""
        self._enter(State.CLOSING)
        self.transport.close()

    def _abort(self) -> None:
        self._enter(State.CLOSING)
        self.transport.abort()

    def _end_closing(self) -> None:
        """End a TLS connection whose client has received everything and does not close it."""
        if self._outgoing.unsent():
            self._enter(State.CLOSING)
        else:
            self.transport.abort()

    def _note_stall(self) -> None:
        log.info("client stalled", extra={"client": self._client and self._client[0]})

    def _make_room(self) -> None:
        """Close the longest-idle connection because there is one too many, or refuse this one.

        A connection with an unread request in its socket is not idle.
        """
        others = [one for one in self._server_state.connections if isinstance(one, TimedConnection)]
        holding = [one for one in others if one.state not in (State.LINGERING, State.CLOSING)]
        if len(holding) <= self._limits.connections:
            return
        oldest = next(one for one in self._shared.idle if one is self or not one._peer.has_unread())
        if oldest is self:
            self._refuse(Refused(Reason.TOO_MANY_CONNECTIONS, "Too many connections.", {"Retry-After": "1"}))
        elif oldest._is_encrypted:
            oldest._abort()  # closing TLS waits for the client
        else:
            oldest._close()

    @staticmethod
    def _cancel(timer: asyncio.TimerHandle | None) -> None:
        if timer:
            timer.cancel()


def _address(transport: asyncio.Transport, name: str) -> tuple[str, int] | None:
    address = transport.get_extra_info(name)
    # A dual-stack socket reports IPv4 clients as `::ffff:192.0.2.1`; a Unix socket has no such address.
    return (str(address[0]).removeprefix("::ffff:"), int(address[1])) if isinstance(address, tuple) else None
