"""The outermost middleware: request IDs, the log line, and the response to failures that nothing else handled."""

import asyncio
import logging
import time
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from image_erase.http.failures import HttpFailure, Reason, Refused
from image_erase.http.identity import RequestIds
from image_erase.http.refuser import Refuser
from image_erase.http.targets import plain_path
from image_erase.observer import UNOBSERVED, Observer, Served, Stage

# Keeps log lines readable; all paths of this server are shorter.
MAX_LOGGED_PATH = 256
#: The header with the request ID, in requests and responses.
REQUEST_ID_HEADER = "X-Request-Id"
_TRACE_HEADERS = ("traceparent", "tracestate")
# All other methods are counted together: clients can send any word.
_METHODS = frozenset(("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"))

log = logging.getLogger("image_erase.request")


def request_ids(scope: Scope) -> RequestIds:
    """Return the IDs that the edge has assigned to the request."""
    ids: RequestIds = scope["state"]["ids"]
    return ids


def note(scope: Scope, **facts: object) -> None:
    """Add facts to the request's log line."""
    scope["state"]["notes"].update(facts)


def stage(scope: Scope, name: str, ended: float, seconds: float, **attributes: str | int | float) -> None:
    """Add a stage to the request. ended: when, on the clock of time.perf_counter()."""
    state = scope.setdefault("state", {})
    started = ended - seconds - state.setdefault("started", ended - seconds)
    state.setdefault("stages", []).append(Stage(name, started, seconds, attributes))


def is_stopping(scope: Scope) -> bool:
    """Whether the server is about to stop and answers only until load balancers have noticed."""
    return bool(getattr(scope["app"].state, "stopping", False))


def loggable_path(path: str) -> str:
    """Return the path, shortened for the log and without the secret part of a result link.

    A request can be refused before its path is normalised, and a link may follow a proxy's path prefix; so everything
    after a segment `results` is removed, wherever it occurs.
    """
    pieces = plain_path(path[: 2 * MAX_LOGGED_PATH]).split("/")
    for at, piece in enumerate(pieces[:-1]):
        if piece.lower() == "results":
            pieces[at + 1] = "-"
    shown = "/".join(pieces)
    return shown if len(shown) <= MAX_LOGGED_PATH else shown[:MAX_LOGGED_PATH] + "…"


def _endpoint(scope: Scope) -> str:
    """Return the endpoint as one of a fixed set of labels, so that arbitrary paths do not create arbitrary metrics."""
    if "endpoint" not in scope:
        return "none"
    path = _path(scope)
    # A mount has as many paths as files.
    return "/" + path.split("/")[1] if scope["path_params"] or "app_root_path" in scope else path


def _path(scope: Scope) -> str:
    """Return the path without the prefix under which the server is published."""
    root_path: str = scope.get("app_root_path", scope["root_path"])
    return str(scope["path"]).removeprefix(root_path)


def _served(scope: Scope, status: int | None, started: float, seconds: float) -> Served:
    headers = Headers(scope=scope)
    return Served(
        method=scope["method"] if scope["method"] in _METHODS else "_OTHER",
        endpoint=_endpoint(scope),
        status=status,
        code=scope["state"]["notes"].get("code", ""),
        request_id=request_ids(scope).request_id,
        started=started,
        seconds=seconds,
        stages=tuple(scope["state"].get("stages", ())),
        trace={name: value for name in _TRACE_HEADERS if (value := headers.get(name))},
    )


class _Watched:
    """Observes the messages of one request and counts their bytes.

    Responses of a server that is about to stop have `Connection: close`: the connection could otherwise be closed
    just as the client sends its next request.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self.status: int | None = None
        self.bytes_in = self.bytes_out = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        self.bytes_out += len(message.get("body", b""))
        if message["type"] == "http.response.start":
            self.status = message["status"]
            more = [(REQUEST_ID_HEADER.lower().encode(), request_ids(self._scope).request_id.encode())]
            if is_stopping(self._scope):
                more.append((b"connection", b"close"))
            message = {**message, "headers": [*message["headers"], *more]}
        await self._send(message)


class Edge:
    """Outermost ASGI middleware: logs, counts and answers every request, whatever happens inside.

    refuser: answers failures, with CORS headers. quiet: paths whose successful requests are logged at debug level
    only, because monitoring requests them every few seconds.
    """

    def __init__(
        self, app: ASGIApp, refuser: Refuser, observer: Observer = UNOBSERVED, quiet: Collection[str] = ()
    ) -> None:
        self.app, self._refuser, self._observer, self._quiet = app, refuser, observer, frozenset(quiet)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, log it once, and let no exception through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {}).update(
            ids=RequestIds.given(Headers(scope=scope).get(REQUEST_ID_HEADER)), notes={}
        )
        exchange = _Watched(scope, receive, send)
        started_at, started = time.time(), time.perf_counter()
        scope["state"]["started"] = started
        try:
            await self._answer(scope, exchange)
        finally:
            seconds = time.perf_counter() - started
            self._log(scope, exchange, seconds)
            self._observer.request_ended(_endpoint(scope), exchange.status, scope["state"]["notes"].get("code", ""))
            if not self._is_quiet(scope, exchange):
                self._observer.request_served(_served(scope, exchange.status, started_at, seconds))

    async def _answer(self, scope: Scope, exchange: _Watched) -> None:
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except HttpFailure as failure:
            await self._refuse(scope, exchange, failure)
        except ClientDisconnect:
            note(scope, gone=True)
        except asyncio.CancelledError:
            # The server stops, and the grace period for this request is over.
            await self._refuse(scope, exchange, Refused(Reason.STOPPING, "The server is stopping."))
        except Exception:
            log.exception("unexpected failure", extra={"request_id": request_ids(scope).request_id})
            unexpected = Refused(Reason.UNEXPECTED, "The server could not answer this request.")
            await self._refuse(scope, exchange, unexpected)

    async def _refuse(self, scope: Scope, exchange: _Watched, failure: HttpFailure) -> None:
        """Answer with the failure, unless a response has already started, which then stays incomplete."""
        if exchange.status is not None:
            return
        answer = self._refuser.answer(request_ids(scope), failure, Headers(scope=scope).get("origin"), _path(scope))
        note(scope, code=answer.code)
        await self._refuser.response(answer)(scope, exchange.receive, exchange.send)

    def _is_quiet(self, scope: Scope, exchange: _Watched) -> bool:
        return _path(scope) in self._quiet and exchange.status == 200

    def _log(self, scope: Scope, exchange: _Watched, seconds: float) -> None:
        ids = request_ids(scope)
        client = scope.get("client")
        log.log(
            logging.DEBUG if self._is_quiet(scope, exchange) else logging.INFO,
            "request",
            extra={
                "method": scope["method"],
                "path": loggable_path(_path(scope)),
                "status": exchange.status,
                "ms": round(seconds * 1000, 1),
                "client": client[0] if client else None,
                "bytes_in": exchange.bytes_in,
                "bytes_out": exchange.bytes_out,
                "request_id": ids.request_id,
                "log_id": ids.log_id,
                **scope["state"]["notes"],
            },
        )
