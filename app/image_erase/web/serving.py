"""Serves the page: its document at `/`, the files that it is made of below `/page/`."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "page"
DOCUMENT = "index.html"
#: All that is served, by its suffix. A machine's own list of types may be wrong, and modules of a wrong type don't run.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


def page_routes(links_base: str | None, *, max_file_bytes: int, max_side: int) -> list[BaseRoute]:
    """The routes of the page.

    links_base: what result links begin with, where that is another address; the page may fetch from there too.
    max_file_bytes, max_side: the limits of the endpoint that the page calls, in bytes and pixels.
    """
    headers = _headers(links_base)
    files = _PageFiles(headers)

    async def document(request: Request) -> Response:
        return await files.get_response(DOCUMENT, request.scope)

    async def limits(_: Request) -> Response:
        return JSONResponse({"maxFileBytes": max_file_bytes, "maxSide": max_side}, headers=headers)

    return [
        Route("/", document, methods=["GET"]),
        Route("/page/limits.json", limits, methods=["GET"]),
        Mount("/page", files),
    ]


class _PageFiles(StaticFiles):
    """The files of the page, each with the page's headers and a type that is the same everywhere."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__(directory=FOLDER)
        self._page_headers = headers

    def get_path(self, scope: Scope) -> str:
        """As Starlette's, or HTTPException 404 for the document, whose links hold at its own address only."""
        path = super().get_path(scope)
        if path == DOCUMENT:
            raise HTTPException(404)
        return path

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """As Starlette's, but whole whatever range was asked for; HTTPException 404 for a type that no page has."""
        media_type = TYPES.get(Path(full_path).suffix)
        if media_type is None:
            raise HTTPException(404)
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"range"]
        response = super().file_response(full_path, stat_result, scope, status_code)
        if response.status_code == status_code:
            response.headers["Content-Type"] = media_type
        response.headers.update(self._page_headers)
        return response


def _headers(links_base: str | None) -> dict[str, str]:
    return {
        "Content-Security-Policy": _policy(links_base),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
        "Accept-Ranges": "none",
    }


def _policy(links_base: str | None) -> str:
    """What a browser lets the page do: run and load what this server gives it, and nothing written into the page."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob:",
            " ".join(("connect-src 'self'", *_origin(links_base))),
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _origin(url: str | None) -> list[str]:
    """The URL's origin, as a policy names it: none where there is no URL."""
    if not url:
        return []
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return [f"{parts.scheme}://{host if host.isascii() else host.encode('idna').decode('ascii')}"]
