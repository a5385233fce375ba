"""HTTP/1.1 on one connection: a protocol class for uvicorn's server in which every state has a time limit.

docs/architecture.md describes the states and how each of them ends.
"""

import asyncio
import logging
import socket
import ssl
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import Any, cast
from urllib.parse import unquote

from starlette.types import Scope
from uvicorn.config import Config
from uvicorn.server import ServerState

from image_erase.http.exchange import Exchange
from image_erase.http.failures import Reason, Refused
from image_erase.http.identity import RequestIds
from image_erase.http.limits import Limits
from image_erase.http.outgoing import Outgoing
from image_erase.http.peer import Peer
from image_erase.http.request_parser import Head, RequestParser
from image_erase.http.tls import handshake
from image_erase.http.turns import Turns

# Most unparsed bytes; beyond that, reading pauses and the kernel buffers.
READ_AHEAD = 64 * 1024
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
        self.idle: dict[HttpConnection, None] = {}
        self.lingering: dict[HttpConnection, None] = {}
        self._turns: Turns | None = None

    def turns(self, loop: asyncio.AbstractEventLoop) -> Turns:
        """Return the scheduler of parsing, created on first use."""
        if self._turns is None:
            self._turns = Turns(loop)
        return self._turns


class HttpConnection(asyncio.Protocol):
    """One connection, created by uvicorn's server."""

    transport: asyncio.Transport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        shared: Shared,
    ) -> None:
        self._config, self._server_state, self._app_state, self._shared = config, server_state, app_state, shared
        self.loop = _loop or asyncio.get_running_loop()
        self._limits = shared.limits
        self._turns = shared.turns(self.loop)
        self._parser = RequestParser(self)
        self._unparsed = bytearray()
        self._exchanges: deque[Exchange] = deque()
        self._refusal: Refused | None = None
        self._no_more_requests = self._ended = self._stopping = False
        self._is_encrypted = self._in_handshake = False
        self._early = bytearray()
        self._encrypting: asyncio.Task[None] | None = None
        self._paused = False
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None
        self.state = State.NEW

    @property
    def awaits_head(self) -> bool:
        """Whether no request is in progress."""
        return self.state in (State.NEW, State.HEAD, State.KEPT)

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
                self._regulate_reading()
                self._turns.request(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel every timer of the connection."""
        self._enter(State.CLOSING)
        self._cancel(self._timer)
        self._server_state.connections.discard(self)
        for exchange in self._exchanges:
            exchange.disconnect()
        self._outgoing.lost()

    def data_received(self, data: bytes) -> None:
        """Buffer bytes; they are parsed when it is this connection's turn."""
        if self._in_handshake and self._raw.get_protocol() is self:
            self._early += data
            return
        if self.state in (State.LINGERING, State.CLOSING):
            self._dropped += len(data)
            if self._dropped > self._limits.linger_bytes:
                self._close()
            return
        self._unparsed += data
        self._regulate_reading()
        self._turns.request(self)

    def eof_received(self) -> bool:
        """Note that the client sends no more; it may still wait for its response, but not over TLS.

        A client that ends its side of TLS closes the whole connection (asyncio's transports allow nothing else).
        """
        self._ended = True
        if self._is_encrypted:
            return False
        if self.state in (State.LINGERING, State.CLOSING):
            self._close()
        elif not self._may_parse:
            self._after_end()
        return True

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

    # Called by Turns and the parser.

    def parse_slice(self) -> bool:
        """Implement Parsing. Raise nothing, because the caller may be handling the bytes of another connection."""
        try:
            return self._parse_slice()
        except Exception:
            log.exception("connection failed", extra={"client": self._client and self._client[0]})
            self.transport.abort()
            return False

    def _parse_slice(self) -> bool:
        if self._may_parse:
            piece = bytes(self._unparsed[: self._parser.slice_size])
            del self._unparsed[: len(piece)]
            try:
                self._parser.feed(piece)
            except Refused as refusal:
                self._break_off(refusal)
            if self.awaits_head and self._parser.head_begun and self.state is not State.HEAD:
                self._enter(State.HEAD)
            self._regulate_reading()
        if self._ended and not self._may_parse:
            self._after_end()
        return self._may_parse

    def head_arrived(self, head: Head) -> None:
        """Start the exchange of a new request."""
        if self._no_more_requests:
            return
        self._no_more_requests = not head.keep_alive
        exchange = Exchange(self, head, self._scope(head), self._server_state.default_headers)
        self._exchanges.append(exchange)
        if len(self._exchanges) == 1:
            self._start(exchange)

    def body_arrived(self, data: bytes) -> None:
        """Pass a piece of the body to the newest exchange."""
        if self._exchanges and not self._exchanges[-1].arrived:
            self._exchanges[-1].body_arrived(data)

    def request_ended(self) -> None:
        """Complete the request of the newest exchange."""
        if self._exchanges:
            self._exchanges[-1].request_ended()

    # Called by exchanges.

    def write(self, data: bytes) -> None:
        """Send bytes; those for a lost connection are discarded."""
        self._outgoing.write(data)

    async def drained(self) -> None:
        """Wait until the write buffer is below its low-water mark."""
        await self._outgoing.drained()

    def body_wanted(self) -> None:
        """Parse more of the body if there are bytes of it."""
        if self._may_parse:
            self._turns.request(self)

    def answer_begins(self, keep_alive: bool) -> bool:
        """Return whether the connection can be kept alive after the response."""
        keep_alive = keep_alive and not self._stopping
        self._no_more_requests |= not keep_alive
        return keep_alive

    def answered(self, exchange: Exchange) -> None:
        """Continue with the next request, or end the connection."""
        self._server_state.total_requests += 1
        if self.state is not State.REQUEST:
            return
        self._exchanges.popleft()
        if not exchange.keep_alive:
            self._finish(is_complete=exchange.arrived)
        elif self._exchanges:
            self._start(self._exchanges[0])
        elif self._refusal:
            self._refuse(self._refusal)
        else:
            self._enter(State.HEAD if self._parser.head_begun else State.KEPT)
            self._turns.request(self)

    def abandoned(self, exchange: Exchange) -> None:
        """Answer for an application that has not done so, or abort an incomplete response."""
        if self.state is State.REQUEST and not exchange.started:
            self._refuse(Refused(Reason.UNEXPECTED, "The server could not answer this request."))
        else:
            self.transport.abort()

    # Requests.

    @property
    def _may_parse(self) -> bool:
        """Whether there are bytes that may be parsed now: of one request at a time, with a limited part of its body."""
        if not self._unparsed or self.state in (State.LINGERING, State.CLOSING) or self._refusal or self._in_handshake:
            return False
        newest = self._exchanges[-1] if self._exchanges else None
        if newest is None or newest.arrived:
            return newest is None and not self._no_more_requests
        return not newest.is_congested

    def _regulate_reading(self) -> None:
        full = len(self._unparsed) > READ_AHEAD
        if self._in_handshake:
            return
        if full != self._paused and not self.transport.is_closing() and not self._ended:
            self._paused = full
            (self.transport.pause_reading if full else self.transport.resume_reading)()

    def _scope(self, head: Head) -> Scope:
        path, _, query = head.target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": head.version,
            "server": self._server,
            "client": self._client,
            "scheme": "https" if self._is_encrypted else "http",
            "method": head.method,
            "root_path": self._config.root_path,
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "headers": head.headers,
            "state": self._app_state.copy(),
        }

    def _start(self, exchange: Exchange) -> None:
        self._enter(State.REQUEST)
        self._keep(self.loop.create_task(exchange.run(self._config.loaded_app)))

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Keep a reference to a task, and let uvicorn wait for it when it stops."""
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    def _break_off(self, refusal: Refused) -> None:
        """Stop parsing: requests received before are still answered, then the rest is refused."""
        self._refusal = refusal
        self._unparsed.clear()
        if not self._exchanges:
            self._refuse(refusal)
        elif not self._exchanges[-1].arrived:
            self._exchanges[-1].break_off(refusal)

    def _after_end(self) -> None:
        """Handle the end of the client's data, once all of it is parsed."""
        if not self._exchanges:
            if self._parser.head_begun and not self._refusal:
                self._break_off(Refused(Reason.MALFORMED, "The request ends within its head."))
            else:
                self._close()
        elif not self._exchanges[-1].arrived and not self._refusal:
            self._break_off(Refused(Reason.MALFORMED, "The body ends before its announced end."))
        elif self._timer is None:
            self._probe()

    def _probe(self) -> None:
        """Find out whether a client that sends no more still reads.

        A closed and a half-closed connection look the same until something is sent: here the first bytes of every
        response. If the client has closed its socket, its system answers them with a reset.
        """
        self._timer = None
        if self.state is not State.REQUEST or self._exchanges[0].started:
            return
        if self._peer.is_reset():
            self.transport.abort()
            return
        self._outgoing.begin()
        self._timer = self.loop.call_later(self._limits.probe_seconds, self._probe)

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
        self._unparsed.clear()
        self._regulate_reading()
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
        others = [one for one in self._server_state.connections if isinstance(one, HttpConnection)]
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


def connections_of(shared: Shared) -> Callable[..., HttpConnection]:
    """Return the factory of connections for one uvicorn server."""
    return partial(HttpConnection, shared=shared)
