"""One request and its response, as an ASGI application sees them."""

import asyncio
import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Scope

from image_erase.http.failures import Refused
from image_erase.http.request_parser import Head

# Parsing of a body pauses while the application has not received this many bytes of it.
HIGH_WATER = 64 * 1024
# Head and body of a response up to this size are one write; larger bodies are written in pieces of this size.
WRITE_BYTES = 256 * 1024
_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

log = logging.getLogger(__name__)


class Connection(Protocol):
    """What an exchange needs of its connection."""

    def write(self, data: bytes) -> None:
        """Send bytes; they are discarded if the connection is lost."""

    async def drained(self) -> None:
        """Wait until the transport's write buffer is below its low-water mark."""

    def body_wanted(self) -> None:
        """Called when the application waits for more of the body."""

    def answer_begins(self, keep_alive: bool) -> bool:
        """Called before the head of the response is written. Returns whether the connection can be kept alive."""

    def answered(self, exchange: "Exchange") -> None:
        """Called when the response is completely written."""

    def abandoned(self, exchange: "Exchange") -> None:
        """Called when the application has ended without a complete response."""


class Exchange:
    """Passes one request to the application and its response to the connection.

    default_headers: of every response.
    """

    def __init__(
        self, connection: Connection, head: Head, scope: Scope, default_headers: Iterable[tuple[bytes, bytes]]
    ) -> None:
        self._connection, self._scope, self._default_headers = connection, scope, default_headers
        self._is_head, self._is_1_1 = head.method == "HEAD", head.version == "1.1"
        self._expects_continue = head.expects_continue and self._is_1_1
        self._body = bytearray()
        self._end_told = False
        self._news = asyncio.Event()
        self._broken: Refused | None = None
        self._gone = False
        self._head_bytes = b""
        self._left: int | None = None
        self._chunked = self._bodiless = False
        self.keep_alive = head.keep_alive
        #: Whether the whole request has arrived; whether the response has started; whether it is complete.
        self.arrived = self.started = self.complete = False

    @property
    def is_congested(self) -> bool:
        """Whether the application has enough unread bytes of the body."""
        return len(self._body) > HIGH_WATER

    def body_arrived(self, data: bytes) -> None:
        """Add a piece of the body; it is discarded once the response is complete."""
        if not self.complete:
            self._body += data
            self._news.set()

    def request_ended(self) -> None:
        """Mark the request as completely received."""
        self.arrived = True
        self._news.set()

    def break_off(self, refusal: Refused) -> None:
        """Mark the rest of the body as unreadable: the next `receive` raises `refusal`."""
        self._broken = refusal
        self._news.set()

    def disconnect(self) -> None:
        """Mark the client as disconnected."""
        self._gone = True
        self._news.set()

    async def run(self, app: ASGIApp) -> None:
        """Run the application for this request."""
        try:
            await app(self._scope, self.receive, self.send)
        except Exception:
            log.exception("the application failed")
        finally:
            if not self.complete and not self._gone:
                self._connection.abandoned(self)

    async def receive(self) -> Message:
        """ASGI's receive. Raises Refused if the rest of the body is malformed or missing."""
        if self._expects_continue and not self.started and not self._body and not self.arrived:
            self._expects_continue = False
            self._connection.write(_CONTINUE)
        while not (self._body or self._gone or self.complete or self._broken or (self.arrived and not self._end_told)):
            self._news.clear()
            self._connection.body_wanted()
            await self._news.wait()
        if self._gone or self.complete:
            return {"type": "http.disconnect"}
        if self._broken and not self._body:
            raise self._broken
        body = bytes(self._body)
        self._body.clear()
        self._end_told = self.arrived
        return {"type": "http.request", "body": body, "more_body": not self.arrived}

    async def send(self, message: Message) -> None:
        """ASGI's send. The head of the response is written together with the first bytes of its body."""
        if self._gone:
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], message.get("headers", ()))
        else:
            await self._send_body(message.get("body", b""), message.get("more_body", False))

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.started = True
        lines = [b"HTTP/1.1 %d %b" % (status, _PHRASES.get(status, b""))]
        named: dict[bytes, bytes] = {}
        for name, value in (*self._default_headers, *headers):
            named[name.lower()] = value
            lines.append(name + b": " + value)
        self._bodiless = self._is_head or status in (204, 304)
        self._left = int(named[b"content-length"]) if b"content-length" in named else None
        if self._left is None and not self._bodiless:
            self._chunked = self._is_1_1
            lines += [b"transfer-encoding: chunked"] if self._chunked else []
        says_close = b"close" in named.get(b"connection", b"").lower()
        self.keep_alive = self._connection.answer_begins(self.keep_alive and self.arrived and not says_close)
        if not self.keep_alive and not says_close:
            lines.append(b"connection: close")
        self._head_bytes = b"\r\n".join(lines) + b"\r\n\r\n"
        if self._head_bytes.count(b"\n") != len(lines) + 1 or self._head_bytes.count(b"\r") != len(lines) + 1:
            raise ValueError("a response header has a line break")

    async def _send_body(self, data: bytes, more: bool) -> None:
        if self._bodiless:
            data = b""
        elif self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (self._left and not more):
                raise ValueError("the answer's body is not as long as its Content-Length")
        before, after = self._framing(len(data), more)
        before, self._head_bytes = self._head_bytes + before, b""
        await self._write(before, data, after)
        if not more:
            self.complete = True
            self._news.set()
            self._connection.answered(self)
        else:
            await self._connection.drained()

    def _framing(self, size: int, more: bool) -> tuple[bytes, bytes]:
        if not self._chunked:
            return b"", b""
        before, after = (b"%x\r\n" % size, b"\r\n") if size else (b"", b"")
        return before, after if more else after + b"0\r\n\r\n"

    async def _write(self, before: bytes, data: bytes, after: bytes) -> None:
        first = min(len(data), WRITE_BYTES)
        view: Any = memoryview(data)
        self._connection.write(b"".join((before, view[:first], after if first == len(data) else b"")))
        for at in range(first, len(data), WRITE_BYTES):
            await self._connection.drained()
            if self._gone:
                return
            self._connection.write(view[at : at + WRITE_BYTES])
        if first < len(data):
            self._connection.write(after)
