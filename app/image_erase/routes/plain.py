"""POST /erase: an image and a mask in, the picture out."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from image_erase.access.admission import Admission
from image_erase.access.credentials import any_key
from image_erase.contract.openapi import file, multipart
from image_erase.http.addresses import base_url
from image_erase.http.edge import request_ids
from image_erase.plain.options import FORMATS, Choices, Options
from image_erase.plain.problems import MEDIA_TYPE, Kind, ProblemDetails
from image_erase.plain.reception import IMAGE, MASK, PlainOrder, PlainReception, PlainUpload
from image_erase.plain.words import FORMAT_REASONS
from image_erase.results.links import Links
from image_erase.results.names import MEDIA_TYPES
from image_erase.routes.erase import while_connected
from image_erase.routes.erasing import Erasing, Result
from image_erase.routes.image_response import picture_response
from image_erase.routes.keeping import Keeping
from image_erase.routes.linked import LinkedResults

PATH = "/erase"


@dataclass(frozen=True)
class PlainRooms:
    """The steps of a request. links: of results that are kept. max_pixels: of an image."""

    admission: Admission
    reception: PlainReception
    linked: LinkedResults
    erasing: Erasing
    keeping: Keeping
    links: Links
    max_pixels: int
    public_url: str | None = None

    async def result(self, request: Request, key: str, upload: PlainUpload[Any], base: str) -> Result:
        """Do what is asked for. base: start of links to this server. Raises HttpFailure."""
        found = await self.linked.find(upload.link, base, IMAGE.name) if upload.link else None
        size = found[1] if found else len(upload.image.data)
        async with self.reception.intake.hold(key, size + len(upload.mask.data)):
            image = await self.linked.read(*found, IMAGE.name) if found else upload.image
            order = PlainOrder(image, upload.mask, upload.options.job_request(self.max_pixels))
            return await self.erasing.erase(request.scope, key, order)

    async def picture(self, request: Request, key: str, upload: PlainUpload[Options], base: str) -> Response:
        """Erase, and keep the result if that is wanted. Arguments as of `result`. Raises HttpFailure."""
        result = await self.result(request, key, upload, base)
        try:
            headers = headers_of(result)
            if upload.options.keep:
                name = await self.keeping.keep(result.done, request_ids(request.scope).request_id)
                headers["Location"] = base + self.links.path(name)
            return picture_response(result, headers)
        except BaseException:
            result.close()
            raise


def router(rooms: PlainRooms) -> APIRouter:
    """The routes of the plain API."""
    routes = APIRouter()

    async def erase(
        request: Request,
        key: Annotated[str, Depends(any_key(rooms.admission.admit))],
        query: Annotated[Options, Query()],
    ) -> Response:
        base = base_url(request, rooms.public_url)
        upload = await rooms.reception.receive(request, query, key)
        if upload.options.keep:
            await rooms.keeping.refuse_when_full()
        return await while_connected(request, rooms.picture(request, key, upload, base))

    routes.add_api_route(
        PATH,
        erase,
        methods=["POST"],
        summary="Erase what a mask paints white; the answer is the picture",
        response_class=Response,
        responses={200: _PICTURE, "default": PROBLEM},
        openapi_extra=form("white is erased", Options),
    )
    routes.add_api_route(PATH, allowed, methods=["OPTIONS"], include_in_schema=False)
    return routes


async def allowed() -> Response:
    """Answer OPTIONS."""
    return Response(status_code=204, headers={"Allow": "OPTIONS, POST", "Accept-Post": "multipart/form-data"})


def headers_of(result: Result, work: str = "erase") -> dict[str, str]:
    """What is said of the result, and that nobody else may keep it. work: what the longest stage is called."""
    facts = result.done.facts
    times = {
        "queue": result.waited * 1000,
        "decode": facts.decode_ms,
        work: facts.erase_ms,
        "encode": facts.encode_ms,
    }
    headers = {
        "Server-Timing": ", ".join(f"{stage};dur={milliseconds:.1f}" for stage, milliseconds in times.items()),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if facts.format_reasons:
        headers["X-Format-Reason"] = "; ".join(FORMAT_REASONS[reason] for reason in facts.format_reasons)
    return headers


def header(meaning: str, example: str) -> dict[str, Any]:
    """Describe a header of an answer."""
    return {"description": meaning, "schema": {"type": "string"}, "example": example}


_PICTURE: dict[str, Any] = {
    "description": "The picture",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES.values()},
    "headers": {
        "Server-Timing": header("Milliseconds in each stage", "queue;dur=0.2, decode;dur=9.1, erase;dur=51.0"),
        "X-Request-Id": header("As sent, or a new one", "A6697900-DAA5-510F-BF1E-12F51DAD40D1"),
        "X-Format-Reason": header("What the format made necessary, if anything", "A JPEG has no transparency"),
        "Location": header("With `keep`: the link of the stored result", "https://example.com/results/…"),
    },
}
_EXAMPLES = (
    (Kind.FIELD_MISSING, "mask: Cannot be empty.", "mask"),
    (Kind.INVALID_OPTION, "effort: Input should be 'fast', 'normal' or 'best'.", "effort"),
    (Kind.TOO_MANY_REQUESTS, "The server is busy, try again in 2 s.", None),
)
PROBLEM: dict[str, Any] = {
    "description": "A problem (RFC 9457)",
    "content": {
        MEDIA_TYPE: {
            "schema": ProblemDetails.model_json_schema(),
            "examples": {
                kind.slug: {
                    "value": ProblemDetails(
                        type=kind.uri,
                        title=kind.title,
                        status=kind.status,
                        detail=detail,
                        field=field,
                        request_id="A6697900-DAA5-510F-BF1E-12F51DAD40D1",
                    ).model_dump(exclude_none=True)
                }
                for kind, detail, field in _EXAMPLES
            },
        }
    },
}


def form(meaning: str, choices: type[Choices]) -> dict[str, Any]:
    """Describe the body of a request. meaning: of the mask."""
    formats = ", ".join(FORMATS)
    image = file(f"One of {formats}; or, as text, the link of a result of this server")
    mask = file(f"One of {formats}, same size as the image; {meaning}")
    properties = {IMAGE.name: image, MASK.name: mask, **choices.model_json_schema()["properties"]}
    return multipart(properties, required=[IMAGE.name, MASK.name])
