"""What a trusted proxy says of the client: its address, and the scheme, host and path prefix that it used."""

import re
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

# How the other side of a Unix socket is called in settings and log.
_UNIX = "unix"
_SCHEMES = ("http", "https")
# What can stand in links as it is; `//` would begin another host.
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+){1,16}")


class TrustedProxies(ProxyHeadersMiddleware):
    """uvicorn's handling of X-Forwarded-For and X-Forwarded-Proto, and X-Forwarded-Host and X-Forwarded-Prefix besides.

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
            if _PREFIX.fullmatch(prefix := _first(headers, "x-forwarded-prefix").rstrip("/")):
                _move(scope, prefix)
        await super().__call__(scope, receive, send)  # type: ignore[arg-type]


def _move(scope: Scope, prefix: str) -> None:
    """Let the request be one below a path prefix, which the proxy has removed, in place of the one that is set."""
    scope["path"] = prefix + scope["path"].removeprefix(scope["root_path"])
    scope["root_path"] = prefix


def _first(headers: MutableHeaders, name: str) -> str:
    return headers.get(name, "").split(",")[0].strip()
