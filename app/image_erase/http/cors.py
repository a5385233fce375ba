"""Which web pages may call from a browser.

Starlette's own middleware answers with CORS headers only where the request has an `Origin`; the contract wants
`Access-Control-Allow-Origin: *` on every answer, so that a result cached without it can still be drawn on a canvas.
"""

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = "GET, HEAD, POST, OPTIONS"
EXPOSED = "Content-Length, Content-Range, ETag, Retry-After"
MAX_AGE_SECONDS = "86400"


class Cors:
    """ASGI middleware: answers preflights and marks every answer as readable by the allowed origins."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._any = "*" in origins
        self._origins = frozenset(origin.rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._mark(MutableHeaders(scope=message), origin)
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await self._preflight(headers)(scope, receive, marked)
        else:
            await self._app(scope, receive, marked)

    def _mark(self, headers: MutableHeaders, origin: str | None) -> None:
        if self._any:
            headers["Access-Control-Allow-Origin"] = "*"
        else:
            headers.add_vary_header("Origin")
            if origin in self._origins:
                headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = EXPOSED

    def _preflight(self, headers: Headers) -> Response:
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": headers.get("access-control-request-headers", "ailabapi-api-key"),
                "Access-Control-Max-Age": MAX_AGE_SECONDS,
            },
        )
