"""POST /select: an image and a rough mask in, the mask of the thing meant out."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from image_erase.access.credentials import any_key
from image_erase.http.addresses import base_url
from image_erase.plain.options import SelectOptions
from image_erase.plain.reception import PlainUpload
from image_erase.routes.erase import while_connected
from image_erase.routes.image_response import picture_response
from image_erase.routes.plain import PROBLEM, PlainRooms, allowed, form, header, headers_of

PATH = "/select"


def router(rooms: PlainRooms) -> APIRouter:
    """The route of selecting."""
    routes = APIRouter()

    async def select(
        request: Request,
        key: Annotated[str, Depends(any_key(rooms.admission.admit))],
        query: Annotated[SelectOptions, Query()],
    ) -> Response:
        base = base_url(request, rooms.public_url)
        upload = await rooms.reception.receive(request, query, key)
        return await while_connected(request, _mask(rooms, request, key, upload, base))

    routes.add_api_route(
        PATH,
        select,
        methods=["POST"],
        summary="Find the thing that a mask roughly marks; the answer is its mask",
        response_class=Response,
        responses={200: _MASK, "default": PROBLEM},
        openapi_extra=form(
            "white marks the thing: a scribble in it, a line around it or an area over it", SelectOptions
        ),
    )
    routes.add_api_route(PATH, allowed, methods=["OPTIONS"], include_in_schema=False)
    return routes


async def _mask(
    rooms: PlainRooms, request: Request, key: str, upload: PlainUpload[SelectOptions], base: str
) -> Response:
    result = await rooms.result(request, key, upload, base)
    return picture_response(result, headers_of(result, work="select"))


_MASK: dict[str, Any] = {
    "description": "The mask: grey with 8 bits, as large as the upright image, 255 in the thing and 0 elsewhere",
    "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    "headers": {
        "Server-Timing": header("Milliseconds in each stage", "queue;dur=0.2, decode;dur=9.1, select;dur=151.0"),
        "X-Request-Id": header("As sent, or a new one", "A6697900-DAA5-510F-BF1E-12F51DAD40D1"),
    },
}
