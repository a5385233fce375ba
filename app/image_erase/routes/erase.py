"""The POST endpoints: a picture and a mask in, a result link or the result itself out."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from image_erase.access.keys import Keys
from image_erase.access.rates import Limiter
from image_erase.clock import Clock
from image_erase.contract import openapi
from image_erase.contract.endpoints import HEADER, Endpoint
from image_erase.contract.envelope import image_data, image_url, success_response
from image_erase.contract.errors import ApiError, Code
from image_erase.contract.failures import job_error
from image_erase.http.addresses import base_url
from image_erase.http.edge import note, request_ids
from image_erase.http.intake import Intake
from image_erase.http.upload import Part, UploadReader
from image_erase.jobs.messages import Done, Failed, Failure, Subject
from image_erase.jobs.pool import JobCrashed, JobTimeout, Pool, PoolFull
from image_erase.jobs.request import JobRequest
from image_erase.observer import UNOBSERVED, Observer
from image_erase.results.links import Links
from image_erase.results.names import ResultName
from image_erase.results.store import ResultStore, StoreError, StoreFull

log = logging.getLogger(__name__)

Outcome = TypeVar("Outcome")
Presign = Callable[[ResultName], Awaitable[str]]


@dataclass(frozen=True)
class EraseService:
    """What an erase endpoint works with.

    ttl_seconds: how long its links are valid. max_file_bytes: for each file; None where each endpoint has its own.
    presign: makes the store's own link to a result; None where links are the server's.
    """

    keys: Keys
    pool: Pool
    store: ResultStore
    links: Links
    clock: Clock
    public_url: str | None
    ttl_seconds: int
    max_file_bytes: int | None
    intake: Intake
    observer: Observer = UNOBSERVED
    rate_limit: Limiter | None = None
    presign: Presign | None = None

    async def answer(self, endpoint: Endpoint, request: Request) -> Response:
        """Serve one request of the endpoint. Raises ApiError."""
        key = self.keys.check(request.headers.get(HEADER))
        self._refuse_when_full(key)
        if self.rate_limit:
            await self.rate_limit.admit(key)
        base = base_url(request, self.public_url)
        max_file_bytes = self.max_file_bytes or endpoint.max_file_bytes
        reader = UploadReader(endpoint.files, max_file_bytes, endpoint.texts)
        files, texts = await self.intake.receive(request, reader.max_body_bytes, reader.read)
        image, mask = (files[field.name] for field in endpoint.files)
        erase = partial(self._erase, request, key, endpoint.job_request(texts), image, mask)
        ids = request_ids(request.scope)
        if endpoint.answer == "base64":
            result = (await while_connected(request, erase())).data
            # It may be tens of megabytes long, and writing it would hold up the event loop.
            return await asyncio.to_thread(lambda: success_response(ids, image_data(result)))
        name = await while_connected(request, self._kept(erase, ids.request_id))
        return success_response(ids, image_url(await self._link(name, base, ids.request_id)))

    async def _erase(self, request: Request, key: str, wanted: JobRequest, image: Part, mask: Part) -> Done:
        request_id = request_ids(request.scope).request_id
        try:
            answer = await self.pool.run(wanted, image.data, mask.data, owner=key, request_id=request_id)
        except PoolFull as full:
            raise _too_many(full) from None
        except JobTimeout:
            raise ApiError(Code.AI_SERVICE_TIMEOUT, "The erasing took too long.") from None
        except JobCrashed:
            raise ApiError(Code.PROCESSING_FAILURE, "The erasing failed.") from None
        note(request.scope, queue_ms=_milliseconds(answer.waited), work_ms=_milliseconds(answer.worked))
        if isinstance(answer.outcome, Failed):
            raise _job_error(answer.outcome, {"image": image, "mask": mask})
        facts = asdict(answer.outcome.facts)
        note(request.scope, **facts)
        self.observer.job_done(facts)
        return answer.outcome

    async def _kept(self, erase: Callable[[], Awaitable[Done]], request_id: str) -> ResultName:
        """Erase, and keep the result where its link will find it."""
        done = await erase()
        name = ResultName.new(done.suffix, self.clock(), self.ttl_seconds)
        started = time.perf_counter()
        put = asyncio.ensure_future(self.store.put(name, bytes(done.data)))
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
            raise _not_stored(error, request_id) from None
        self.observer.result_stored(time.perf_counter() - started, len(done.data))
        return name

    async def _link(self, name: ResultName, base: str, request_id: str) -> str:
        if not self.presign:
            return base + self.links.path(name)
        try:
            return await self.presign(name)
        except StoreError as error:
            raise _not_stored(error, request_id) from None

    def _refuse_when_full(self, key: str) -> None:
        try:
            self.pool.refuse_when_full(key)
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
        **openapi.erase_operation(endpoint),
    )
    return routes


def _job_error(failed: Failed, parts: Mapping[Subject, Part]) -> ApiError:
    part = parts[failed.subject]
    if failed.failure is Failure.UNSUPPORTED_FORMAT and part.is_plain_text:
        return ApiError(Code.UNSUPPORTED_PARAMETER_VALUES, f"{part.name}: Must be a file, not text.")
    return job_error(failed, part.name)


def _not_stored(error: StoreError, request_id: str) -> ApiError:
    log.error("result not stored", extra={"request_id": request_id, "reason": str(error)})
    return ApiError(Code.FILE_SERVICE_ERROR, "The result could not be stored.")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _too_many(full: PoolFull) -> ApiError:
    return ApiError(
        Code.EXCEEDING_LIMITS,
        f"The server is busy, try again in {full.retry_after} s.",
        headers={"Retry-After": str(full.retry_after)},
    )


async def while_connected(request: Request, work: Coroutine[Any, Any, Outcome]) -> Outcome:
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
