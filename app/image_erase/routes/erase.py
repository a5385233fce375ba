"""The POST endpoints: take an image and a mask, answer with a result link or the result itself."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from image_erase.access.admission import Admission
from image_erase.contract import openapi
from image_erase.contract.endpoints import HEADER, Endpoint
from image_erase.contract.envelope import image_url, success_response
from image_erase.http.addresses import base_url
from image_erase.http.edge import request_ids
from image_erase.routes.erasing import Erasing
from image_erase.routes.image_response import ImageResponse
from image_erase.routes.keeping import Keeping
from image_erase.routes.reception import Order, Reception

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Rooms:
    """The steps of a request, in order. public_url: the start of result links, if set by the operator."""

    admission: Admission
    reception: Reception
    erasing: Erasing
    keeping: Keeping
    public_url: str | None = None


def router(endpoint: Endpoint, rooms: Rooms) -> APIRouter:
    """The route of one endpoint."""
    routes = APIRouter()
    answer = _with_image if endpoint.answer == "base64" else _with_link

    async def erase(request: Request) -> Response:
        key = await rooms.admission.admit(request.headers.get(HEADER))
        if endpoint.answer == "link":
            await rooms.keeping.refuse_when_full()
        base = base_url(request, rooms.public_url)
        order = await rooms.reception.receive(request, endpoint, key)
        return await answer(rooms, request, key, order, base)

    routes.add_api_route(
        endpoint.path,
        erase,
        methods=["POST"],
        summary=endpoint.summary,
        **openapi.erase_operation(endpoint),
    )
    return routes


async def _with_image(rooms: Rooms, request: Request, key: str, order: Order, base: str) -> Response:
    result = await while_connected(request, rooms.erasing.erase(request.scope, key, order))
    return ImageResponse(request_ids(request.scope), result)


async def _with_link(rooms: Rooms, request: Request, key: str, order: Order, base: str) -> Response:
    ids = request_ids(request.scope)

    async def link() -> str:
        result = await rooms.erasing.erase(request.scope, key, order)
        try:
            name = await rooms.keeping.keep(result.done, ids.request_id)
        finally:
            result.close()
        return await rooms.keeping.link(name, base, ids.request_id)

    return success_response(ids, image_url(await while_connected(request, link())))


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
