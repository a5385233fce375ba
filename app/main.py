"""Builds the server from its parts, and starts and stops what runs beside it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from random import SystemRandom

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.api import account, erase, openapi, operations, results
from app.api.cors import Cors
from app.api.edge import Edge, refusal
from app.api.endpoints import ENDPOINTS
from app.api.erase import Presign
from app.api.errors import ApiError, Code
from app.api.intake import Intake
from app.api.keys import KeyFile, Keys
from app.api.proxies import TrustedProxies
from app.api.rates import RateLimit, WindowMemory
from app.api.targets import AbsoluteTargets
from app.clock import Clock, system_clock
from app.jobs.pool import Pool
from app.jobs.process import WorkerDied
from app.metrics import Metrics
from app.observer import Observer
from app.results.bucket import BucketStore
from app.results.links import Links
from app.results.location import folder_of, open_store
from app.results.secret import API_KEY_FILE, SIGNING_KEY_FILE, kept_secret
from app.results.store import ResultStore, StoreError
from app.results.sweeper import Sweeper
from app.settings import Settings, SettingsError
from app.web.serving import page_routes

log = logging.getLogger(__name__)


def create_app(settings: Settings, clock: Clock = system_clock) -> FastAPI:
    """The server as an ASGI application. Raises SettingsError where a setting can't be followed."""
    metrics = Metrics()
    keys = _keys(settings)
    store = _store(settings)
    links = Links(_signing_keys(settings), clock)
    pool = Pool(
        job_options(settings),
        workers=settings.workers,
        queue=settings.queue,
        deadline_seconds=settings.deadline_seconds,
        observer=metrics,
    )
    sweeper = Sweeper(store, clock, settings.sweep_interval_seconds, metrics, _first_sweep(settings, store))
    service = erase.EraseService(
        keys,
        pool,
        store,
        links,
        clock,
        settings.public_url,
        settings.result_ttl_seconds,
        settings.max_file_bytes if "max_file_bytes" in settings.model_fields_set else None,
        Intake(settings.receive_seconds, settings.receive_memory_mb << 20),
        metrics,
        _rate_limit(settings),
        _presign(settings, store),
    )
    app = FastAPIOffline(
        title="image-erase",
        version=__version__,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(pool, sweeper, store, metrics),
    )
    for endpoint in ENDPOINTS:
        app.include_router(erase.router(endpoint, service))
    app.include_router(account.router(keys, clock, settings.credits))
    app.include_router(results.router(links, store))
    app.include_router(operations.router(pool, store))
    if settings.metrics:
        _watch(metrics, pool)
        app.include_router(operations.metrics_router(metrics))
    if settings.page:
        app.router.routes.extend(page_routes(settings.public_url))
    _answer_failures(app)
    _complete_openapi(app)
    app.add_middleware(Edge, observer=metrics)
    app.add_middleware(Cors, origins=settings.cors_origins)
    app.add_middleware(TrustedProxies, trusted=settings.trusted_proxies)
    app.add_middleware(AbsoluteTargets)
    return app


def job_options(settings: Settings) -> dict[str, object]:
    """What the workers have to know of the settings: a JobOptions, in JSON's terms."""
    names = ("max_side", "jpeg_quality", "engine", "working_side", "mask_dilate", "metadata")
    network = {"channels": settings.onnx_channels, "mask": settings.onnx_mask, "output": settings.onnx_output}
    model = str(settings.onnx_model) if settings.engine == "onnx" else None
    options = {name: getattr(settings, name) for name in names}
    return options | {"memory_mb": settings.worker_memory_mb, "network": {"model": model, **network}}


def _keys(settings: Settings) -> Keys:
    try:
        file = KeyFile(settings.api_keys_file) if settings.api_keys_file else None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"ERASE_API_KEYS_FILE: cannot be read ({type(error).__name__})") from None
    if settings.api_keys or file:
        return Keys((key.get_secret_value() for key in settings.api_keys), file)
    return Keys([_kept(settings, API_KEY_FILE, "ERASE_API_KEYS")])


def _rate_limit(settings: Settings) -> RateLimit | None:
    now = time.monotonic
    return RateLimit(settings.rate_limit, WindowMemory(now), now) if settings.rate_limit else None


def _store(settings: Settings) -> ResultStore:
    try:
        return open_store(settings.storage_url)
    except StoreError as error:
        raise SettingsError(f"ERASE_STORAGE_URL: cannot be used ({error})") from None


def _first_sweep(settings: Settings, store: ResultStore) -> float:
    """Servers that share a bucket are often started together; they need not all list it at the same second."""
    return SystemRandom().uniform(0, settings.sweep_interval_seconds) if isinstance(store, BucketStore) else 0


def _presign(settings: Settings, store: ResultStore) -> Presign | None:
    if settings.result_links == "own" or not isinstance(store, BucketStore):
        return None
    return partial(store.presigned, seconds=settings.result_ttl_seconds)


def _signing_keys(settings: Settings) -> list[str]:
    if settings.signing_keys:
        return [key.get_secret_value() for key in settings.signing_keys]
    return [_kept(settings, SIGNING_KEY_FILE, "ERASE_SIGNING_KEYS")]


def _kept(settings: Settings, file: str, variable: str) -> str:
    folder = folder_of(settings.storage_url)
    if folder is None:
        raise SettingsError(f"{variable}: must be set when results are kept in a bucket")
    try:
        return kept_secret(folder / file)
    except OSError as error:
        raise SettingsError(f"{variable}: not set, and none can be kept in the storage ({error.strerror})") from None


def _watch(metrics: Metrics, pool: Pool) -> None:
    metrics.gauge("jobs_waiting", "Jobs that wait for a worker", lambda: pool.waiting)
    metrics.gauge("jobs_running", "Jobs that a worker works on", lambda: pool.running)
    metrics.gauge("workers_ready", "Workers that are alive", lambda: pool.ready_workers)


def _lifespan(pool: Pool, sweeper: Sweeper, store: ResultStore, observer: Observer):  # type: ignore[no-untyped-def]
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
        try:
            await pool.start()
        except WorkerDied as error:
            log.error("cannot start: %s", error)
            raise
        beside = [asyncio.create_task(sweeper.run()), asyncio.create_task(_say_if_unusable(store))]
        try:
            yield {"observer": observer}  # for the protocol, which uvicorn makes
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await pool.stop()

    return lifespan


async def _say_if_unusable(store: ResultStore) -> None:
    """A bucket that can't be used now may be later, so the server starts all the same."""
    try:
        await store.check()
    except StoreError as error:
        log.error("the storage cannot be used", extra={"reason": str(error)})


def _answer_failures(app: FastAPI) -> None:
    """Whatever FastAPI and Starlette refuse by themselves is answered in the vendor's words too."""

    async def on_api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return refusal(request.scope, error)

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return refusal(request.scope, _http_error(error))

    async def on_invalid_request(request: Request, error: Exception) -> Response:
        return refusal(request.scope, ApiError(Code.ERROR_PARAMETERS, "The request cannot be understood."))

    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_invalid_request)


def _http_error(error: HTTPException) -> ApiError:
    if error.status_code == 404:
        return ApiError(Code.ERROR_AI_NOT_EXISTS, "There is nothing at this path.")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return ApiError(
            Code.ERROR_ILLEGAL_OPERATION, f"The method must be {allowed}.", status=405, headers=error.headers
        )
    return ApiError(Code.ERROR_PARAMETERS, "The request cannot be understood.", status=error.status_code)


def _complete_openapi(app: FastAPI) -> None:
    generate = app.openapi

    def complete() -> dict[str, object]:
        return openapi.document(generate())

    app.openapi = complete  # type: ignore[method-assign]
