"""POST /select: the answer to an image and a rough mask is the mask of the object."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from image_erase.access.credentials import any_key
from image_erase.plain.options import SelectOptions
from image_erase.routes.image_response import picture_response
from image_erase.routes.plain import PlainCall, PlainSteps, add_plain_route, form, header, headers_of

PATH = "/select"


def router(steps: PlainSteps) -> APIRouter:
    """Return the route of selecting."""
    routes = APIRouter()

    async def select(
        request: Request,
        key: Annotated[str, Depends(any_key(steps.admission.admit))],
        query: Annotated[SelectOptions, Query()],
    ) -> Response:
        return await steps.answer(request, key, query, _mask)

    summary = "Find the object that a mask roughly marks; the answer is its mask"
    meaning = "white marks the object: a scribble in it, a line around it or an area over it"
    add_plain_route(routes, PATH, select, summary=summary, success=_MASK, body=form(meaning, SelectOptions))
    return routes


async def _mask(steps: PlainSteps, call: PlainCall[SelectOptions]) -> Response:
    return picture_response(result := await steps.result(call), headers_of(result, work="select"))


_MASK: dict[str, Any] = {
    "description": "The mask: grey with 8 bits, as large as the upright image, 255 in the object and 0 elsewhere",
    "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    "headers": {
        "Server-Timing": header("Milliseconds in each stage", "queue;dur=0.2, decode;dur=9.1, select;dur=151.0"),
        "X-Request-Id": header("As sent, or a new one", "A6697900-DAA5-510F-BF1E-12F51DAD40D1"),
    },
}
