"""Cross-origin resource sharing: which web pages may call the API from a browser.

Starlette's own middleware adds CORS headers only if the request has an `Origin`; the contract requires
`Access-Control-Allow-Origin: *` on every response, so that a result cached without it can still be drawn on a canvas.
"""

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = "GET, HEAD, POST, OPTIONS"
EXPOSED = (
    "Content-Length, Content-Range, ETag, Retry-After, "
    "Location, Allow, Server-Timing, X-Request-Id, X-Format-Reason, X-Erase-Part, WWW-Authenticate"
)
MAX_AGE_SECONDS = "86400"


class CorsPolicy:
    """The origins whose pages may read responses. origins: such as `https://shop.example.com`, or `*` for all."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._any = "*" in origins
        self._origins = frozenset(origin.rstrip("/") for origin in origins)

    def headers(self, origin: str | None) -> dict[str, str]:
        """Return the CORS headers of a response. origin: the request's `Origin`, None if absent or unreadable."""
        headers = {"Access-Control-Expose-Headers": EXPOSED}
        if self._any:
            return headers | {"Access-Control-Allow-Origin": "*"}
        headers["Vary"] = "Origin"
        return headers | {"Access-Control-Allow-Origin": origin} if origin in self._origins and origin else headers


class Cors:
    """ASGI middleware: answers preflight requests and adds CORS headers to every response.

    allowed: the request headers that are allowed if a preflight request does not list any.
    """

    def __init__(self, app: ASGIApp, policy: CorsPolicy, allowed: str) -> None:
        self._app, self._policy, self._allowed = app, policy, allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        marks = self._policy.headers(headers.get("origin"))

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(scope=message), marks)
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await self._preflight(headers)(scope, receive, marked)
        else:
            await self._app(scope, receive, marked)

    def _preflight(self, headers: Headers) -> Response:
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": headers.get("access-control-request-headers", self._allowed),
                "Access-Control-Max-Age": MAX_AGE_SECONDS,
            },
        )


def _mark(headers: MutableHeaders, marks: dict[str, str]) -> None:
    for name, value in marks.items():
        if name == "Vary":
            headers.add_vary_header(value)
        else:
            headers[name] = value
