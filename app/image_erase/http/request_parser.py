"""Parse the bytes of a connection into requests by llhttp (httptools), with the checks that it leaves to the server."""

from typing import NamedTuple, Protocol

import httptools

from image_erase.http.failures import Reason, Refused

# Most bytes of a request's head, or of the trailer fields of a chunked body.
MAX_HEAD_BYTES = 64 * 1024
# Bytes parsed at a time where each byte may cost a callback: heads and chunked bodies.
SMALL_SLICE = 4 * 1024
LARGE_SLICE = 256 * 1024


class Head(NamedTuple):
    """The head of a request. headers: names in lower case. keep_alive: whether the client may send another request."""

    method: str
    target: bytes
    version: str
    headers: list[tuple[bytes, bytes]]
    keep_alive: bool
    expects_continue: bool


class Listener(Protocol):
    """Receives the parts of requests, in order."""

    def head_arrived(self, head: Head) -> None:
        """Called with the head of a new request."""

    def body_arrived(self, data: bytes) -> None:
        """Called with a piece of the newest request's body."""

    def request_ended(self) -> None:
        """Called when the newest request has arrived completely."""


class RequestParser:
    """Parses one connection. Its methods on_... are called by httptools."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._refusal: Refused | None = None
        self._framing_left = b""
        self._resuming = False
        self._start()

    def _start(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        # Anything after the last request of a connection is discarded and does not invalidate earlier requests.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._begin()

    def _begin(self) -> None:
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._body_left = 0
        #: Whether a part of a request's head has arrived, but not all of it.
        self.head_begun = False
        self._in_body = False

    def _resume(self) -> None:
        """Continue after the head of a request that offered another protocol, at which httptools stops."""
        framing, self._framing_left = self._framing_left, b""
        if not framing:
            self._start()
            return
        self._parser = httptools.HttpRequestParser(self)
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._resuming = True
        self._parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
        self._resuming = False

    @property
    def slice_size(self) -> int:
        """The number of bytes to parse next: few where bytes are costly, many for a large body of known length."""
        return min(self._body_left, LARGE_SLICE) or SMALL_SLICE

    def feed(self, data: bytes) -> None:
        """Parse the next bytes. Raises Refused MALFORMED; after that, nothing more can be parsed on this connection."""
        if not self._in_body:
            self._count(len(data))
        while data:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                # Another protocol was offered; this server continues with HTTP/1.1 (RFC 9110, 7.8).
                data = data[upgrade.args[0] :]
                self._resume()
            except httptools.HttpParserError as error:
                raise self._refusal or _malformed(str(error)) from None

    def on_message_begin(self) -> None:
        """Called by httptools."""
        if not self._resuming:
            self._begin()
            self.head_begun = True

    def on_url(self, url: bytes) -> None:
        """Called by httptools."""
        if not self._resuming:
            self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by httptools, also for the trailer fields of a chunked body, of which none is used."""
        if self._in_body and not self._resuming:
            self._count(len(name) + len(value))
        elif not self._in_body:
            self._headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        """Called by httptools."""
        if self._resuming:
            return
        version = self._parser.get_http_version()
        self._check(version)
        headers = dict(self._headers)
        self.head_begun, self._in_body, self._head_bytes = False, True, 0
        self._body_left = int(headers.get(b"content-length", b"0"))
        if self._parser.should_upgrade() and b"transfer-encoding" in headers:
            self._framing_left = b"Transfer-Encoding: chunked"
        elif self._parser.should_upgrade() and self._body_left:
            self._framing_left = b"Content-Length: %d" % self._body_left
        self._listener.head_arrived(
            Head(
                self._parser.get_method().decode("ascii"),
                self._target,
                version,
                self._headers,
                version == "1.1" and b"close" not in _tokens(headers.get(b"connection", b"")),
                headers.get(b"expect", b"").lower() == b"100-continue",
            )
        )

    def on_body(self, body: bytes) -> None:
        """Called by httptools."""
        self._body_left = max(0, self._body_left - len(body))
        self._listener.body_arrived(body)

    def on_message_complete(self) -> None:
        """Called by httptools."""
        if not self._framing_left:
            self._begin()
            self._listener.request_ended()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES + SMALL_SLICE:
            self._refuse(f"the lines of its head have more than {MAX_HEAD_BYTES} bytes")

    def _check(self, version: str) -> None:
        """Refuse what llhttp accepts but RFC 9112 does not: 2.3 (version), 3.2 (Host), 6.1 (codings)."""
        names = [name for name, _ in self._headers]
        hosts = names.count(b"host")
        codings = [value.lower() for name, value in self._headers if name == b"transfer-encoding"]
        if version not in ("1.0", "1.1"):
            self._refuse("its version is not HTTP/1.0 or HTTP/1.1")
        if hosts > 1 or (version == "1.1" and not hosts):
            self._refuse("there must be exactly one Host header")
        if codings and (codings != [b"chunked"] or version != "1.1"):
            self._refuse("Transfer-Encoding must be chunked, and only in HTTP/1.1")
        if codings and b"content-length" in names:
            self._refuse("it has both Content-Length and Transfer-Encoding")
        if not self._target.isascii():
            self._refuse("its target is not ASCII")

    def _refuse(self, reason: str) -> None:
        self._refusal = _malformed(reason)
        raise self._refusal


def _malformed(reason: str) -> Refused:
    return Refused(Reason.MALFORMED, f"The HTTP request is malformed: {reason}.")


def _tokens(value: bytes) -> set[bytes]:
    return {token.strip().lower() for token in value.split(b",")}
