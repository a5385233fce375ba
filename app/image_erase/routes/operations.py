"""Health, readiness and metrics, for the operator and for orchestrators."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from image_erase import __version__
from image_erase.contract.errors import ApiError, Code
from image_erase.contract.openapi import FAILURES
from image_erase.http.addresses import base_url
from image_erase.http.edge import is_stopping, note
from image_erase.http.failures import Refused
from image_erase.jobs.pool import Pool
from image_erase.metrics import CONTENT_TYPE, Metrics
from image_erase.results.store import ResultStore, StoreError
from image_erase.routes.reading import add_reading
from image_erase.supervision import Supervisor


class Health(BaseModel):
    """The server answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """The server can process jobs.

    workers: those that are alive. waiting: jobs that wait for one. failing_tasks: background tasks that currently fail.
    url: how the links of results begin that this client would get; null if its `Host` is not valid.
    """

    status: Literal["ready"] = "ready"
    version: str = __version__
    workers: int
    waiting: int
    failing_tasks: tuple[str, ...]
    url: str | None


HEALTH, READINESS, METRICS = PATHS = ("/healthz", "/readyz", "/metrics")


def router(pool: Pool, store: ResultStore, supervisor: Supervisor, public_url: str | None) -> APIRouter:
    """Return the routes /healthz (the server answers) and /readyz (it can process jobs).

    A failing background task is only named: its work can wait, and taking the server out of service would stop all
    requests.
    """
    routes = APIRouter()

    async def healthz() -> Health:
        return Health()

    async def readyz(request: Request) -> Readiness:
        if is_stopping(request.scope):
            raise ApiError(Code.ERROR_INSUFFICIENT_RESOURCES, "The server is stopping.")
        if not pool.ready_workers:
            raise ApiError(Code.ERROR_INSUFFICIENT_RESOURCES, "No worker is ready.")
        try:
            await store.check()
        except StoreError as error:
            note(request.scope, reason=str(error))
            raise ApiError(Code.ERROR_INSUFFICIENT_RESOURCES, "The result store cannot be written.") from None
        return Readiness(
            workers=pool.ready_workers,
            waiting=pool.waiting,
            failing_tasks=supervisor.failing,
            url=_base(request, public_url),
        )

    add_reading(routes, HEALTH, healthz, summary="Whether the server answers", responses=FAILURES)
    add_reading(routes, READINESS, readyz, summary="Whether the server can do its work", responses=FAILURES)
    return routes


def _base(request: Request, public_url: str | None) -> str | None:
    try:
        return base_url(request, public_url)
    except Refused:
        return None


def metrics_router(metrics: Metrics) -> APIRouter:
    """Return the route /metrics, for Prometheus. It needs no key, because API keys belong to clients and metrics do not
    concern them.
    """
    routes = APIRouter()

    async def show(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    routes.add_route(METRICS, show, methods=["GET"])
    return routes
