"""POST /images: store an image and return its link, which /erase and /select accept instead of a file."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from image_erase.access.credentials import any_key
from image_erase.contract.openapi import file, multipart
from image_erase.http.addresses import base_url
from image_erase.http.files import Part
from image_erase.jobs.messages import Done
from image_erase.plain.options import FORMATS
from image_erase.plain.reception import IMAGE, ImageOrder
from image_erase.results.names import MEDIA_TYPES, ResultName
from image_erase.routes.erase import while_connected
from image_erase.routes.plain import PlainSteps, add_plain_route, header

PATH = "/images"
_ACCEPTS = "multipart/form-data, image/*"


class StoredImage(BaseModel):
    """An image that later requests can name by its link."""

    url: str = Field(description="The link, as in the header Location", examples=["https://example.com/results/…"])
    expires: datetime = Field(description="When the link expires and the image is deleted")
    type: str = Field(description="The media type, by the first bytes of the file", examples=["image/jpeg"])
    width: int = Field(description="Pixels of the upright image", examples=[4000])
    height: int = Field(description="Pixels of the upright image", examples=[3000])
    size: int = Field(description="Bytes of the file", examples=[4182356])


def router(steps: PlainSteps) -> APIRouter:
    """Return the route of images that are sent ahead."""
    routes = APIRouter()

    async def store(request: Request, key: Annotated[str, Depends(any_key(steps.admission.admit))]) -> Response:
        await steps.keeping.refuse_when_full()
        base = base_url(request, steps.public_url)
        image = await steps.reception.receive_image(request, key)
        done, name = await while_connected(request, _stored(steps, request, key, image))
        return _answer(base + steps.links.path(name), name, done, len(image.data))

    summary = "Store an image as it is, for later requests; the answer is its link"
    add_plain_route(routes, PATH, store, summary=summary, success=_STORED, body=_body(), status=201, accepts=_ACCEPTS)
    return routes


async def _stored(steps: PlainSteps, request: Request, key: str, image: Part) -> tuple[Done, ResultName]:
    """Store an image if /erase would accept it. Raises HttpFailure."""
    async with steps.reception.intake.hold(key, len(image.data)):
        done = await steps.erasing.check(request.scope, key, ImageOrder(image, steps.max_pixels))
        return done, await steps.keeping.keep(done.suffix, image.data, request.scope)


def _answer(url: str, name: ResultName, done: Done, size: int) -> Response:
    stored = StoredImage(
        url=url,
        expires=datetime.fromtimestamp(name.expires, UTC),
        type=name.content_type,
        width=done.facts.width,
        height=done.facts.height,
        size=size,
    )
    headers = {"Location": url, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(stored.model_dump_json(), 201, headers, media_type="application/json")


def _body() -> dict[str, Any]:
    """Describe the body: a form, or the file itself."""
    described = multipart({IMAGE.name: file(f"One of {', '.join(FORMATS)}")}, required=[IMAGE.name])
    content = described["requestBody"]["content"]
    content |= {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES.values()}
    return described


_STORED: dict[str, Any] = {
    "description": "The image is stored",
    "content": {"application/json": {"schema": StoredImage.model_json_schema()}},
    "headers": {
        "Location": header("The link, for the field `image` of other requests", "https://example.com/results/…"),
        "X-Request-Id": header("As sent, or a new one", "A6697900-DAA5-510F-BF1E-12F51DAD40D1"),
    },
}
