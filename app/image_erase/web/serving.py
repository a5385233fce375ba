"""Serve the page: its document at `/`, its files below `/page/`.

The document refers to its files by their release, `/page/<release>/main.js`, which browsers cache for ever. The same
files without a release, or with that of another version, are revalidated on every use.

A service worker keeps the files of a release in the browser, so that the page opens without the server too.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from image_erase.http.encodings import accepts_gzip
from image_erase.http.ranges import matches_etag
from image_erase.web.assets import RELEASE_LENGTH, Asset, in_release, modules_from, read_assets, release_of

FOLDER = Path(__file__).parent / "page"
DOCUMENT, START, WORKER = "index.html", "main.js", "worker.js"
# The worker may answer for the document, which lies two folders above it.
_SCOPE = {"Service-Worker-Allowed": "../../"}
# Useless without the server.
_ONLINE = "sample.jpg"
KEPT = "public, max-age=31536000, immutable"
_RELEASE = re.compile(rf"([0-9a-f]{{{RELEASE_LENGTH}}})/")


@dataclass(frozen=True)
class PageFacts:
    """The properties of the server that the page needs.

    max_file_bytes: of a picture and of a mask, each. max_pixels: of a picture, width times height. max_side: in
    pixels. formats: that the server reads, in lower case. metadata: what results keep if a request does not say.
    keep_sessions: whether the page may keep the work in the browser.
    """

    max_file_bytes: int
    max_pixels: int
    max_side: int
    formats: Sequence[str]
    metadata: Literal["colour", "all"]
    keep_sessions: bool


def page_routes(facts: PageFacts) -> list[BaseRoute]:
    """Return the routes of the page. facts: served as `/page/limits.json`, with camel-case names."""
    headers = _HEADERS
    known = {_camel(name): value for name, value in asdict(facts).items()}
    assets = dict(read_assets(FOLDER))
    release = release_of(assets)
    # Its relative links are only valid at this path.
    document_file = assets.pop(DOCUMENT, None)
    index = in_release(document_file, release, modules_from(assets, START)) if document_file else None
    kept = headers | {"Cache-Control": KEPT}

    async def document(request: Request) -> Response:
        return _answer(request, index, headers)

    async def file(request: Request) -> Response:
        name: str = request.path_params["name"]
        named = _RELEASE.match(name)
        found = assets.get(name[named.end() :] if named else name)
        scope = _SCOPE if name.endswith(WORKER) else {}
        return _answer(request, found, scope | (kept if named and named[1] == release else headers))

    async def limits(_: Request) -> Response:
        return JSONResponse(known, headers=headers)

    async def files(_: Request) -> Response:
        names = [name for name in assets if name not in (WORKER, _ONLINE)]
        return JSONResponse({"release": release, "files": names}, headers=headers)

    return [
        Route("/", document, methods=["GET"]),
        Route("/page/limits.json", limits, methods=["GET"]),
        Route("/page/files.json", files, methods=["GET"]),
        Route("/page/{name:path}", file, methods=["GET"]),
    ]


def _answer(request: Request, asset: Asset | None, headers: dict[str, str]) -> Response:
    """Return the whole file, ignoring ranges. Raises HTTPException 404 if there is none."""
    if asset is None:
        raise HTTPException(404)
    variant = asset.variant(accepts_gzip(request.headers.get("accept-encoding", "")))
    headers = headers | {"ETag": variant.etag}
    if asset.zipped:
        headers["Vary"] = "Accept-Encoding"
    if matches_etag(request.headers.get("if-none-match", ""), variant.etag):
        return Response(status_code=304, headers=headers)
    if variant.encoding:
        headers["Content-Encoding"] = variant.encoding
    return Response(variant.data, headers=headers, media_type=asset.media_type)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))


#: The Content-Security-Policy: files of this server only, no inline scripts or styles.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Accept-Ranges": "none",
}
