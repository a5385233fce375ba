"""GET and HEAD of a result link. They need no key: the link itself is the secret."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from image_erase.contract.errors import ApiError, Code
from image_erase.contract.openapi import FAILURES
from image_erase.http.edge import note
from image_erase.http.ranges import RangeNotSatisfiable, byte_range, matches_etag
from image_erase.results.links import PREFIX, LinkAltered, LinkExpired, Links
from image_erase.results.names import MEDIA_TYPES, ResultName
from image_erase.results.store import ResultMissing, ResultStore, StoreError
from image_erase.routes.reading import add_reading

RESULT_PATH = f"/{PREFIX}/{{token}}/{{date}}/{{file}}"
_PICTURE = {"description": "The picture, as it was stored", "content": {kind: {} for kind in MEDIA_TYPES.values()}}


def router(links: Links, store: ResultStore) -> APIRouter:
    """Return the route of result links."""
    routes = APIRouter()

    async def result(request: Request, token: str, date: str, file: str) -> Response:
        name = _verified(links, token, date, file)
        with _store_failures(request):
            return await _answer(request, name, links.seconds_left(name), store)

    add_reading(
        routes,
        RESULT_PATH,
        result,
        summary="A stored picture: a result, or an image for later requests",
        response_class=Response,
        responses={200: _PICTURE, **FAILURES},
    )
    return routes


def _verified(links: Links, token: str, date: str, file: str) -> ResultName:
    try:
        return links.verify(token, date, file)
    except LinkExpired:
        raise ApiError(Code.ERROR_ILLEGAL_OPERATION, "The link has expired.") from None
    except LinkAltered:
        raise ApiError(Code.ERROR_ILLEGAL_OPERATION, "The link is not one of this server's.") from None


@contextmanager
def _store_failures(request: Request) -> Iterator[None]:
    try:
        yield
    except ResultMissing:
        raise ApiError(Code.ERROR_FILE_NOT_FOUND, "The result has been deleted.") from None
    except StoreError as error:
        note(request.scope, reason=str(error))
        raise ApiError(Code.FILE_SERVICE_ERROR, "The result could not be read.") from None


async def _answer(request: Request, name: ResultName, seconds_left: int, store: ResultStore) -> Response:
    size = await store.size(name)
    etag = f'"{name.id}"'
    headers = _headers(name, etag, seconds_left)
    if matches_etag(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    wanted = _wanted_range(request, etag, size)
    start, stop = wanted or (0, size)
    headers["Content-Length"] = str(stop - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    status = 206 if wanted else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=name.content_type)
    opened = await store.open(name, start, stop)
    if (small := opened.small()) is not None:
        return Response(small, status, headers, media_type=name.content_type)
    return StreamingResponse(opened.chunks(), status, headers, media_type=name.content_type)


def _headers(name: ResultName, etag: str, seconds_left: int) -> dict[str, str]:
    return {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={seconds_left}, immutable",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Content-Disposition": name.disposition,
    }


def _wanted_range(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    condition = request.headers.get("if-range")
    if request.method != "GET" or (condition and condition != etag):
        return None
    try:
        return byte_range(request.headers.get("range"), size)
    except RangeNotSatisfiable:
        raise ApiError(
            Code.ERROR_INVALID_PARAMETER,
            f"Range: The file has {size} bytes.",
            status=416,
            headers={"Content-Range": f"bytes */{size}"},
        ) from None
