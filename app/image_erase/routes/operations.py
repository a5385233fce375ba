"""Health, readiness and metrics, for the operator and for orchestrators."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from image_erase import __version__
from image_erase.contract.errors import ApiError, Code
from image_erase.http.edge import is_stopping, note
from image_erase.jobs.pool import Pool
from image_erase.metrics import CONTENT_TYPE, Metrics
from image_erase.results.store import ResultStore, StoreError
from image_erase.supervision import Supervisor


def router(pool: Pool, store: ResultStore, supervisor: Supervisor) -> APIRouter:
    """Return the routes /healthz (the server answers) and /readyz (it can process jobs).

    A failing background task is only named: its work can wait, and taking the server out of service would stop all
    requests.
    """
    routes = APIRouter()

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        if is_stopping(request.scope):
            raise ApiError(Code.ERROR_INSUFFICIENT_RESOURCES, "The server is stopping.")
        if not pool.ready_workers:
            raise ApiError(Code.ERROR_INSUFFICIENT_RESOURCES, "No worker is ready.")
        try:
            await store.check()
        except StoreError as error:
            note(request.scope, reason=str(error))
            raise ApiError(Code.ERROR_INSUFFICIENT_RESOURCES, "The result store cannot be written.") from None
        return JSONResponse(
            {
                "status": "ready",
                "version": __version__,
                "workers": pool.ready_workers,
                "waiting": pool.waiting,
                "failing_tasks": supervisor.failing,
            }
        )

    routes.add_route("/healthz", healthz, methods=["GET"])
    routes.add_route("/readyz", readyz, methods=["GET"])
    return routes


def metrics_router(metrics: Metrics) -> APIRouter:
    """Return the route /metrics, for Prometheus. It needs no key, because API keys belong to clients and metrics do not
    concern them.
    """
    routes = APIRouter()

    async def show(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    routes.add_route("/metrics", show, methods=["GET"])
    return routes
