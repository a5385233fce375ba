"""Forwarded headers of trusted proxies: the client's address, and the scheme, host and path prefix that it used."""

import re
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

# The name of clients of a Unix socket in settings and log.
_UNIX = "unix"
_SCHEMES = ("http", "https")
# Characters that need no escaping in links; `//` would start another host.
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+){1,16}")


class TrustedProxies(ProxyHeadersMiddleware):
    """Middleware for X-Forwarded-For and X-Forwarded-Proto (by uvicorn), X-Forwarded-Host and X-Forwarded-Prefix.

    trusted: addresses, networks, or `*`. The headers of all other clients are ignored.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        super().__init__(app, list(trusted))  # type: ignore[arg-type]  # uvicorn's own name for the same protocol

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """Serve one request."""
        if scope["type"] == "http" and not scope["client"]:
            # A Unix socket is protected by its file's permissions: its clients are proxies on this machine.
            scope["client"] = (_UNIX, 0)
        if scope["type"] == "http" and scope["client"][0] in self.trusted_hosts:
            headers = MutableHeaders(scope=scope)
            # Each proxy on the way appends its own; the first is that of the proxy that the client used.
            if host := _first(headers, "x-forwarded-host"):
                headers["host"] = host
            # uvicorn accepts WebSocket schemes too, and would put them into result links.
            if (scheme := _first(headers, "x-forwarded-proto").lower()) in _SCHEMES:
                headers["x-forwarded-proto"] = scheme
            else:
                del headers["x-forwarded-proto"]
            if _PREFIX.fullmatch(prefix := _first(headers, "x-forwarded-prefix").rstrip("/")):
                _move(scope, prefix)
        await super().__call__(scope, receive, send)  # type: ignore[arg-type]


def _move(scope: Scope, prefix: str) -> None:
    """Set the path prefix that the proxy has removed, in place of the configured one."""
    scope["path"] = prefix + scope["path"].removeprefix(scope["root_path"])
    scope["root_path"] = prefix


def _first(headers: MutableHeaders, name: str) -> str:
    return headers.get(name, "").split(",")[0].strip()
