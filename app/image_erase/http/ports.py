"""Serve some paths on a port of their own."""

from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from image_erase.http.failures import Reason, Refused


class OwnPort:
    """ASGI middleware that answers some paths on one port only, and no other paths on that port.

    port: the port number. own: the paths of that port. anywhere: paths that are answered on every port.
    """

    def __init__(self, app: ASGIApp, port: int, own: Collection[str], anywhere: Collection[str] = ()) -> None:
        self._app, self._port, self._own, self._anywhere = app, port, frozenset(own), frozenset(anywhere)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Raises Refused NOT_FOUND for a path that belongs to another port."""
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            is_own = bool(scope["server"]) and scope["server"][1] == self._port
            if path not in self._anywhere and is_own != (path in self._own):
                raise Refused(Reason.NOT_FOUND, "There is nothing at this path.")
        await self._app(scope, receive, send)
