"""The POST endpoints: a picture and a mask in, a result link out."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.api import openapi
from app.api.addresses import base_url
from app.api.edge import note, request_ids
from app.api.envelope import image_url, success_response
from app.api.errors import ApiError, Code
from app.api.intake import Intake
from app.api.keys import HEADER, Keys
from app.api.upload import FileField, Part, UploadReader
from app.clock import Clock
from app.jobs.pool import Answer, JobCrashed, JobTimeout, Pool, PoolFull
from app.results.links import Links
from app.results.names import ResultName
from app.results.store import ResultStore, StoreError, StoreFull

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of the vendor's. mask: its name first, then the other names that clients use for it."""

    path: str
    summary: str
    mask: FileField
    image: FileField = FileField(("image",))


IMAGE_ERASE = Endpoint(
    "/api/image/editing/image-erase",
    "Erase what a mask paints white from a picture",
    FileField(("user_mask", "mask_image", "mask")),
)

# A job's failure by name -> the vendor's code for it.
_FAILURES = {
    "unsupported_format": Code.UNSUPPORTED_FILE_TYPES,
    "broken_file": Code.FILE_DECODING_FAILURE,
    "side_too_long": Code.FILE_RESOLUTION_EXCEEDS_LIMITS,
    "size_mismatch": Code.ERROR_MASK_IMAGE_RESOLUTION_MISMATCH,
    "nothing_to_fill_from": Code.UNSUPPORTED_PARAMETER_VALUES,
    "no_memory": Code.ERROR_INSUFFICIENT_RESOURCES,
}


@dataclass(frozen=True)
class EraseService:
    """What an erase endpoint works with. ttl_seconds: how long its links are valid. max_file_bytes: for each file."""

    keys: Keys
    pool: Pool
    store: ResultStore
    links: Links
    clock: Clock
    public_url: str | None
    ttl_seconds: int
    max_file_bytes: int
    intake: Intake

    async def answer(self, endpoint: Endpoint, request: Request) -> Response:
        """Serve one request of the endpoint. Raises ApiError."""
        self.keys.check(request.headers.get(HEADER))
        self._refuse_when_full()
        base = base_url(request, self.public_url)
        fields = (endpoint.image, endpoint.mask)
        reader = UploadReader(fields, self.max_file_bytes)
        files = await self.intake.receive(request, reader.max_body_bytes, reader.read)
        image, mask = (files[field.name] for field in fields)
        name = await while_connected(request, self._erase(request, endpoint, image, mask))
        return success_response(request_ids(request.scope), image_url(base + self.links.path(name)))

    async def _erase(self, request: Request, endpoint: Endpoint, image: Part, mask: Part) -> ResultName:
        head = {"request_id": request_ids(request.scope).request_id}
        try:
            answer = await self.pool.run(head, (image.data, mask.data))
        except PoolFull as full:
            raise _too_many(full) from None
        except JobTimeout:
            raise ApiError(Code.AI_SERVICE_TIMEOUT, "The erasing took too long.") from None
        except JobCrashed:
            raise ApiError(Code.PROCESSING_FAILURE, "The erasing failed.") from None
        note(request.scope, queue_ms=_milliseconds(answer.waited), work_ms=_milliseconds(answer.worked))
        if "failure" in answer.head:
            raise job_error(answer.head, {"image": image, "mask": mask})
        note(request.scope, **answer.head.get("facts", {}))
        return await self._keep(answer)

    async def _keep(self, answer: Answer) -> ResultName:
        name = ResultName.new(answer.head["suffix"], self.clock(), self.ttl_seconds)
        put = asyncio.ensure_future(self.store.put(name, bytes(answer.blobs[0])))
        try:
            await asyncio.shield(put)
        except asyncio.CancelledError:
            # Nobody will ever learn this result's link.
            await asyncio.gather(put, return_exceptions=True)
            await self.store.delete(name)
            raise
        except StoreFull:
            raise ApiError(Code.ERROR_INSUFFICIENT_RESOURCES, "There is no room for the result.") from None
        except StoreError as error:
            log.error("result not stored", extra={"reason": str(error)})
            raise ApiError(Code.FILE_SERVICE_ERROR, "The result could not be stored.") from None
        return name

    def _refuse_when_full(self) -> None:
        try:
            self.pool.refuse_when_full()
        except PoolFull as full:
            raise _too_many(full) from None


def router(endpoint: Endpoint, service: EraseService) -> APIRouter:
    """The route of one endpoint."""
    routes = APIRouter()

    async def erase(request: Request) -> Response:
        return await service.answer(endpoint, request)

    routes.add_api_route(
        endpoint.path,
        erase,
        methods=["POST"],
        summary=endpoint.summary,
        **openapi.erase_operation(endpoint.image.name, endpoint.mask.name),
    )
    return routes


def job_error(failure: dict[str, Any], parts: dict[str, Part]) -> ApiError:
    """The vendor's error for a job's failure, in the field names that the client used."""
    part = parts[failure["subject"]]
    name = failure["failure"]
    if name == "unsupported_format" and part.is_plain_text:
        return ApiError(Code.UNSUPPORTED_PARAMETER_VALUES, f"{part.name}: Must be a file, not text.")
    code = _FAILURES.get(name, Code.PROCESSING_FAILURE)
    return ApiError(code, f"{part.name}: {failure['detail']}" if failure["detail"] else "The erasing failed.")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _too_many(full: PoolFull) -> ApiError:
    return ApiError(
        Code.EXCEEDING_LIMITS,
        f"The server is busy, try again in {full.retry_after} s.",
        headers={"Retry-After": str(full.retry_after)},
    )


async def while_connected(request: Request, work: Coroutine[Any, Any, ResultName]) -> ResultName:
    """Run the work as long as the client is there to hear of it. Raises ClientDisconnect where it goes away."""
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
