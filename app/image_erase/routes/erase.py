"""The POST endpoints: take an image and a mask, answer with a result link or the result itself."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Scope

from image_erase.access.admission import Admission
from image_erase.access.credentials import vendor_key
from image_erase.contract.endpoints import Endpoint
from image_erase.contract.envelope import ImageDataAnswer, ImageUrl, ImageUrlAnswer, success
from image_erase.contract.openapi import FAILURES, upload
from image_erase.http.addresses import base_url
from image_erase.http.edge import request_ids
from image_erase.routes.erasing import Erasing
from image_erase.routes.image_response import json_response
from image_erase.routes.keeping import Keeping
from image_erase.routes.reception import Order, Reception

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Steps:
    """The steps of a request, in order. public_url: the start of result links, if set by the operator."""

    admission: Admission
    reception: Reception
    erasing: Erasing
    keeping: Keeping
    public_url: str | None = None


def router(endpoint: Endpoint, steps: Steps) -> APIRouter:
    """The route of one endpoint."""
    routes = APIRouter()
    admitted = Depends(vendor_key(steps.admission.admit))

    async def with_link(request: Request, key: Annotated[str, admitted]) -> ImageUrlAnswer:
        await steps.keeping.refuse_when_full()
        base = base_url(request, steps.public_url)
        order = await steps.reception.receive(request, endpoint, key)
        url = await while_connected(request, _link(steps, request.scope, key, order, base))
        return success(ImageUrlAnswer, request_ids(request.scope), ImageUrl(image_url=url))

    async def with_image(request: Request, key: Annotated[str, admitted]) -> Response:
        base_url(request, steps.public_url)
        order = await steps.reception.receive(request, endpoint, key)
        result = await while_connected(request, steps.erasing.erase(request.scope, key, order))
        return json_response(request_ids(request.scope), result)

    is_link = endpoint.answer == "link"
    routes.add_api_route(
        endpoint.path,
        with_link if is_link else with_image,
        methods=["POST"],
        summary=endpoint.summary,
        response_model=ImageUrlAnswer if is_link else ImageDataAnswer,
        response_description="The link to the result" if is_link else "The result in base64",
        responses=FAILURES,
        openapi_extra=upload(endpoint),
    )
    return routes


async def _link(steps: Steps, scope: Scope, key: str, order: Order, base: str) -> str:
    """Erase and keep the result. Returns its link."""
    request_id = request_ids(scope).request_id
    result = await steps.erasing.erase(scope, key, order)
    try:
        name = await steps.keeping.keep(result.done.suffix, result.done.data, scope)
    finally:
        result.close()
    return await steps.keeping.link(name, base, request_id)


async def while_connected(request: Request, work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Do the work while the client is connected. Raises ClientDisconnect if it disconnects."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        for started in (task, gone):
            started.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
