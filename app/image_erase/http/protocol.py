"""HTTP/1.1 on one connection: the protocol class for uvicorn's server, which parses requests and sends answers."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote

from starlette.types import Scope
from uvicorn.config import Config
from uvicorn.server import ServerState

from image_erase.http.connection import Shared, State, TimedConnection
from image_erase.http.exchange import Exchange
from image_erase.http.failures import Reason, Refused
from image_erase.http.request_parser import Head, RequestParser

# Most unparsed bytes; beyond that, reading pauses and the kernel buffers.
READ_AHEAD = 64 * 1024

log = logging.getLogger("image_erase.request")


class HttpConnection(TimedConnection):
    """One connection, created by uvicorn's server."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        shared: Shared,
    ) -> None:
        super().__init__(server_state, app_state, _loop, shared)
        self._config = config
        self._turns = shared.turns(self.loop)
        self._parser = RequestParser(self)
        self._unparsed = bytearray()
        self._exchanges: deque[Exchange] = deque()
        self._refusal: Refused | None = None
        self._no_more_requests = self._paused = False

    # Called by the event loop.

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

    # Called by TimedConnection.

    def _encrypted(self) -> None:
        self._regulate_reading()
        self._turns.request(self)

    def _disconnect(self) -> None:
        for exchange in self._exchanges:
            exchange.disconnect()

    def _discard_input(self) -> None:
        self._unparsed.clear()
        self._regulate_reading()

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


def connections_of(shared: Shared) -> Callable[..., HttpConnection]:
    """Return the factory of connections for one uvicorn server."""
    return partial(HttpConnection, shared=shared)
