"""POST /erase: the answer to an image and a mask is the result itself."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Generic

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from image_erase.access.admission import Admission
from image_erase.access.credentials import any_key
from image_erase.contract.openapi import file, multipart
from image_erase.http.addresses import base_url
from image_erase.jobs.messages import Place
from image_erase.plain.options import FORMATS, Choices, Options
from image_erase.plain.problems import MEDIA_TYPE, Kind, ProblemDetails
from image_erase.plain.reception import IMAGE, MASK, Chosen, PlainOrder, PlainReception, PlainUpload
from image_erase.plain.words import FORMAT_REASONS
from image_erase.results.links import Links
from image_erase.results.names import RESULT_TYPES
from image_erase.routes.erase import while_connected
from image_erase.routes.erasing import Erasing, Result
from image_erase.routes.image_response import picture_response
from image_erase.routes.keeping import Keeping
from image_erase.routes.linked import LinkedResults

PATH = "/erase"


@dataclass(frozen=True)
class PlainCall(Generic[Chosen]):
    """A received request. key: the API key. base: start of links to this server."""

    request: Request
    key: str
    upload: PlainUpload[Chosen]
    base: str


@dataclass(frozen=True)
class PlainSteps:
    """The steps of a request. links: of results that are kept. max_pixels: of an image."""

    admission: Admission
    reception: PlainReception
    linked: LinkedResults
    erasing: Erasing
    keeping: Keeping
    links: Links
    max_pixels: int
    public_url: str | None = None

    async def answer(self, request: Request, key: str, query: Chosen, respond: "Respond[Chosen]") -> Response:
        """Receive a request and respond to it while its client is connected. Raises HttpFailure."""
        base = base_url(request, self.public_url)
        upload = await self.reception.receive(request, query, key)
        return await while_connected(request, respond(self, PlainCall(request, key, upload, base)))

    async def result(self, call: PlainCall[Any]) -> Result:
        """Run the job of a request. Raises HttpFailure."""
        upload = call.upload
        found = await self.linked.find(upload.link, call.base, IMAGE.name) if upload.link else None
        size = found[1] if found else len(upload.image.data)
        async with self.reception.intake.hold(call.key, size + len(upload.mask.data)):
            image = await self.linked.read(*found, IMAGE.name) if found else upload.image
            order = PlainOrder(image, upload.mask, upload.options.job_request(self.max_pixels))
            return await self.erasing.erase(call.request.scope, call.key, order)


Respond = Callable[[PlainSteps, PlainCall[Chosen]], Coroutine[Any, Any, Response]]


def router(steps: PlainSteps) -> APIRouter:
    """The routes of the plain API."""
    routes = APIRouter()

    async def erase(
        request: Request,
        key: Annotated[str, Depends(any_key(steps.admission.admit))],
        query: Annotated[Options, Query()],
    ) -> Response:
        return await steps.answer(request, key, query, _picture)

    summary = "Erase what is white in a mask; the answer is the picture"
    add_plain_route(routes, PATH, erase, summary=summary, success=_PICTURE, body=form("white is erased", Options))
    return routes


async def _picture(steps: PlainSteps, call: PlainCall[Options]) -> Response:
    """Erase, and store the result if that is wanted. Raises HttpFailure."""
    keep = call.upload.options.keep
    if keep:
        await steps.keeping.refuse_when_full()
    result = await steps.result(call)
    try:
        headers = headers_of(result)
        if keep:
            name = await steps.keeping.keep(result.done.suffix, result.done.data, call.request.scope)
            headers["Location"] = call.base + steps.links.path(name)
            if place := result.reduce_to_part():
                headers["X-Erase-Part"] = _words(place)
        return picture_response(result, headers)
    except BaseException:
        result.close()
        raise


def _words(place: Place) -> str:
    """Return a place as a dictionary of HTTP's structured fields (RFC 9651)."""
    names = ("x", "y", "width", "height", "left", "top")
    return ", ".join(f"{name}={getattr(place, name)}" for name in names)


def add_plain_route(
    routes: APIRouter,
    path: str,
    endpoint: Callable[..., Awaitable[Response]],
    *,
    summary: str,
    success: dict[str, Any],
    body: dict[str, Any],
    status: int = 200,
    accepts: str = "multipart/form-data",
) -> None:
    """Add a path of the plain API: POST, which `endpoint` answers, and OPTIONS.

    summary, success, body: for the OpenAPI document; `success` describes the answer, `body` the request. status: of
    success. accepts: the types of bodies, as in the header Accept-Post.
    """

    async def allowed() -> Response:
        return Response(status_code=204, headers={"Allow": "OPTIONS, POST", "Accept-Post": accepts})

    routes.add_api_route(
        path,
        endpoint,
        methods=["POST"],
        summary=summary,
        status_code=status,
        response_class=Response,
        responses={status: success, "default": PROBLEM},
        openapi_extra=body,
    )
    routes.add_api_route(path, allowed, methods=["OPTIONS"], include_in_schema=False)


def headers_of(result: Result, work: str = "erase") -> dict[str, str]:
    """Return the headers of a result, which must not be cached. work: the name of the longest stage."""
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
    "description": "The picture, or with `answer=part` and `X-Erase-Part` the part that has changed",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in RESULT_TYPES.values()},
    "headers": {
        "Server-Timing": header("Milliseconds in each stage", "queue;dur=0.2, decode;dur=9.1, erase;dur=51.0"),
        "X-Request-Id": header("As sent, or a new one", "A6697900-DAA5-510F-BF1E-12F51DAD40D1"),
        "X-Format-Reason": header("What the format made necessary, if anything", "A JPEG has no transparency"),
        "Location": header("With `keep`: the link of the stored result", "https://example.com/results/…"),
        "X-Erase-Part": header(
            "With `answer=part`, if the answer is a part: the place in the picture, and where it begins in the answer",
            "x=1020, y=604, width=392, height=264, left=12, top=12",
        ),
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
    image = file(f"One of {formats}; or, as text, the link of a result or an image on this server")
    mask = file(f"One of {formats}, same size as the image; {meaning}")
    properties = {IMAGE.name: image, MASK.name: mask, **choices.model_json_schema()["properties"]}
    return multipart(properties, required=[IMAGE.name, MASK.name])
