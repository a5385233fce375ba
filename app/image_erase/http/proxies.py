"""What a trusted proxy says of the client: its address, and the scheme and host that it used."""

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

# How the other side of a Unix socket is called in settings and log.
_UNIX = "unix"
_SCHEMES = ("http", "https")


class TrustedProxies(ProxyHeadersMiddleware):
    """uvicorn's handling of X-Forwarded-For and X-Forwarded-Proto, and X-Forwarded-Host besides.

    trusted: addresses, networks, or `*`. From anyone else, nothing of it is believed.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        super().__init__(app, list(trusted))  # type: ignore[arg-type]  # uvicorn's own name for the same protocol

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """Serve one request."""
        if scope["type"] == "http" and not scope["client"]:
            # Over a Unix socket, which only those may open whom its file lets in: the proxy of this machine.
            scope["client"] = (_UNIX, 0)
        if scope["type"] == "http" and scope["client"][0] in self.trusted_hosts:
            headers = MutableHeaders(scope=scope)
            # Each proxy on the way adds its own; the first is the one that the client talked to.
            if host := _first(headers, "x-forwarded-host"):
                headers["host"] = host
            # uvicorn takes WebSocket schemes too, and would put them into result links.
            if (scheme := _first(headers, "x-forwarded-proto").lower()) in _SCHEMES:
                headers["x-forwarded-proto"] = scheme
            else:
                del headers["x-forwarded-proto"]
        await super().__call__(scope, receive, send)  # type: ignore[arg-type]


def _first(headers: MutableHeaders, name: str) -> str:
    return headers.get(name, "").split(",")[0].strip()
