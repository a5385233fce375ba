"""Request targets in absolute form, `POST http://host/path`, which every server must take (RFC 9112, 3.2.2)."""

import re
from urllib.parse import unquote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

_ABSOLUTE = re.compile(rb"https?://([^/?#]+)(/[^?#]*)?", re.IGNORECASE)


class AbsoluteTargets:
    """ASGI middleware that turns them into the usual form; the host that they name takes the place of `Host`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        absolute = _ABSOLUTE.fullmatch(scope["raw_path"]) if scope["type"] == "http" else None
        if absolute:
            path = absolute[2] or b"/"
            scope["raw_path"], scope["path"] = path, unquote(path.decode("ascii"))
            MutableHeaders(scope=scope)["host"] = absolute[1].decode("ascii")
        await self.app(scope, receive, send)
