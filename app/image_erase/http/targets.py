"""Normalise request targets.

- The absolute form, `POST http://host/path`, which every server must accept (RFC 9112, 3.2.2); its host
  replaces the header `Host`.
- Repeated and trailing slashes: some clients produce them when they join a base URL and a path.
- A path prefix under which a proxy publishes the server and which it removes: ASGI requires it in the path, and
  in addition as `root_path`.
"""

import re
from urllib.parse import unquote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

_ABSOLUTE = re.compile(rb"https?://([^/?#]+)(/[^?#]*)?", re.IGNORECASE)
_SLASHES = re.compile(r"//+")


def plain_path(path: str) -> str:
    """Return the path with single slashes and without a trailing one; the root stays `/`."""
    return _SLASHES.sub("/", path).rstrip("/") or path[:1]


class PlainTargets:
    """ASGI middleware that normalises request targets. root_path: the path prefix, or empty."""

    def __init__(self, app: ASGIApp, root_path: str = "") -> None:
        self.app, self._root_path = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            if absolute := _ABSOLUTE.fullmatch(scope["raw_path"]):
                path = absolute[2] or b"/"
                scope["raw_path"], scope["path"] = path, unquote(path.decode("ascii"))
                MutableHeaders(scope=scope)["host"] = absolute[1].decode("ascii")
            scope["root_path"] = self._root_path
            scope["path"] = self._root_path + plain_path(scope["path"])
        await self.app(scope, receive, send)
