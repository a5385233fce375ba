"""Build the application from its parts, and start and stop its background tasks."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware import Middleware

from image_erase import __version__
from image_erase.access.admission import Admission
from image_erase.access.rates import RateLimit, WindowMemory
from image_erase.access.shared_rates import Shared, SharedRateLimit
from image_erase.clock import Clock, system_clock
from image_erase.contract import openapi
from image_erase.contract.endpoints import ENDPOINTS, HEADER
from image_erase.contract.refusals import render
from image_erase.http.cors import Cors, CorsPolicy
from image_erase.http.edge import Edge
from image_erase.http.failures import Refuser
from image_erase.http.intake import Intake
from image_erase.http.proxies import TrustedProxies
from image_erase.http.targets import PlainTargets
from image_erase.jobs.pool import Pool
from image_erase.jobs.process import WorkerDied
from image_erase.metrics import Metrics
from image_erase.observer import Observer
from image_erase.results.links import Links
from image_erase.results.location import open_store
from image_erase.results.store import ResultStore, StoreError
from image_erase.results.sweeper import Sweeper
from image_erase.routes import account, erase, operations, results
from image_erase.routes.erasing import Erasing
from image_erase.routes.failures import raise_failures
from image_erase.routes.keeping import Keeping
from image_erase.routes.reception import Reception
from image_erase.secrets import api_keys, signing_keys
from image_erase.settings import Settings, SettingsError
from image_erase.shares import Shares
from image_erase.supervision import Supervisor
from image_erase.web.serving import page_routes

# How often what is stored is counted again, for what others put there and deleted.
COUNT_SECONDS = 600

log = logging.getLogger(__name__)


def create_app(settings: Settings, clock: Clock = system_clock) -> FastAPI:
    """Return the ASGI application. Raises SettingsError if a setting cannot be used."""
    metrics = Metrics()
    keys = api_keys(settings, clock)
    store = _store(settings)
    links = Links(signing_keys(settings), clock)
    pool = Pool(
        job_options(settings),
        workers=settings.workers,
        queue=settings.queue,
        deadline_seconds=settings.deadline_seconds,
        observer=metrics,
    )
    supervisor = _supervisor(settings, store, clock, metrics)
    own_limit = _rate_limit(settings)
    shared_limit = _shared_rate_limit(settings, own_limit)
    arriving, answers = Shares(settings.receive_memory_mb << 20), Shares(settings.answer_memory_mb << 20)
    max_file_bytes = settings.max_file_bytes if "max_file_bytes" in settings.model_fields_set else None
    presign = store.presign(settings.result_ttl_seconds) if settings.result_links == "presigned" else None
    rooms = erase.Rooms(
        Admission(keys, pool, answers, shared_limit or own_limit),
        Reception(Intake(settings.receive_seconds, arriving), max_file_bytes),
        Erasing(pool, answers, metrics),
        Keeping(store, links, clock, settings.result_ttl_seconds, presign, metrics),
        settings.public_url,
    )
    refuser = Refuser(render, CorsPolicy(settings.cors_origins))
    app = FastAPIOffline(
        title="image-erase",
        version=__version__,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(pool, supervisor, metrics, refuser, shared_limit),
        middleware=_layers(settings, refuser, metrics),
    )
    for endpoint in ENDPOINTS:
        app.include_router(erase.router(endpoint, rooms))
    app.include_router(account.router(keys, clock, settings.credits, shared_limit or own_limit))
    app.include_router(results.router(links, store))
    app.include_router(operations.router(pool, store, supervisor))
    if settings.metrics:
        _watch(metrics, pool, store, supervisor, shared_limit)
        metrics.gauge("receive_memory_bytes", "Bytes of request bodies that are arriving", lambda: arriving.held)
        metrics.gauge("answer_memory_bytes", "Bytes of results not yet stored or sent", lambda: answers.held)
        app.include_router(operations.metrics_router(metrics))
    if settings.page:
        limits = {"max_file_bytes": settings.max_file_bytes, "max_side": settings.max_side}
        app.router.routes.extend(page_routes(_links_base(settings, store), **limits))
    raise_failures(app)
    _complete_openapi(app)
    return app


def _layers(settings: Settings, refuser: Refuser, observer: Observer) -> list[Middleware]:
    """Return the layers that every request passes on its way to a route, outermost first."""
    return [
        Middleware(Edge, refuser=refuser, observer=observer),
        Middleware(PlainTargets),
        Middleware(TrustedProxies, trusted=settings.trusted_proxies),
        Middleware(Cors, policy=refuser.cors, allowed=HEADER),
    ]


def job_options(settings: Settings) -> dict[str, object]:
    """Return the settings of the workers: a JobOptions as JSON values."""
    names = ("max_side", "jpeg_quality", "engine", "working_side", "mask_dilate", "metadata")
    network = {name: getattr(settings, f"onnx_{name}") for name in ("use", "channels", "mask", "output")}
    network["model"] = str(settings.onnx_model) if settings.onnx_model else None
    options = {name: getattr(settings, name) for name in names}
    return options | {"memory_mb": settings.worker_memory_mb, "network": network, "layout": str(settings.layout)}


def _rate_limit(settings: Settings) -> RateLimit | None:
    now = time.monotonic
    return RateLimit(settings.rate_limit, WindowMemory(now), now) if settings.rate_limit else None


def _shared_rate_limit(settings: Settings, own: RateLimit | None) -> SharedRateLimit | None:
    return SharedRateLimit(shared_rates(settings), own) if own and settings.rate_limit_url else None


def shared_rates(settings: Settings) -> Shared:
    """Return the rate limits shared through ERASE_RATE_LIMIT_URL. Raises SettingsError if the URL is not supported."""
    # Imported late: most servers do not need the client, which takes 6 MB and 0.1 s.
    from image_erase.access.shared_windows import SharedRates, SharedWindows  # noqa: PLC0415

    assert settings.rate_limit
    assert settings.rate_limit_url
    try:
        return SharedRates(settings.rate_limit, SharedWindows(settings.rate_limit_url.get_secret_value()))
    except ValueError as error:
        raise SettingsError(f"ERASE_RATE_LIMIT_URL: {error}") from None


def _store(settings: Settings) -> ResultStore:
    try:
        return open_store(settings.storage_url, settings.storage_bytes)
    except StoreError as error:
        raise SettingsError(f"ERASE_STORAGE_URL: cannot be used ({error})") from None


def _links_base(settings: Settings, store: ResultStore) -> str | None:
    """Return the start of result links, if it is not that of the client's request."""
    if settings.result_links == "own":
        return settings.public_url
    try:
        return store.links_origin()
    except StoreError as error:
        log.error("the page cannot fetch results: no link can be signed", extra={"reason": str(error)})
        return None


def _supervisor(settings: Settings, store: ResultStore, clock: Clock, metrics: Metrics) -> Supervisor:
    """What runs beside the requests."""
    supervisor = Supervisor(metrics)
    interval = settings.sweep_interval_seconds
    supervisor.every("sweep", interval, Sweeper(store, clock, metrics).sweep, delay=store.first_delay(interval))
    if store.counts:
        supervisor.every("storage_count", COUNT_SECONDS, lambda: store.count(clock()))
    supervisor.add("storage_modes", store.close_to_others)
    # A bucket that cannot be used now may work later, so the server starts anyway and logs the problem.
    supervisor.add("storage_check", store.check)
    return supervisor


def _watch(
    metrics: Metrics, pool: Pool, store: ResultStore, supervisor: Supervisor, limit: SharedRateLimit | None
) -> None:
    metrics.gauge("jobs_waiting", "Jobs waiting for a worker", lambda: pool.waiting)
    metrics.gauge("jobs_running", "Jobs being processed by a worker", lambda: pool.running)
    metrics.gauge("workers_ready", "Workers that are alive", lambda: pool.ready_workers)
    if store.counts:
        metrics.gauge("storage_used_bytes", "Bytes that results take", lambda: store.room.used)
        metrics.gauge("storage_fullness", "Share in use of what results may take", lambda: store.room.fullness)
    metrics.gauge("tasks_failing", "Background tasks that currently fail", lambda: len(supervisor.failing))
    if limit:
        metrics.gauge("rate_limit_storage_up", "Whether rate limits are shared, 1 or 0", lambda: limit.is_up)


def _lifespan(  # type: ignore[no-untyped-def]
    pool: Pool, supervisor: Supervisor, observer: Observer, refuser: Refuser, limit: SharedRateLimit | None
):
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
        try:
            await pool.start()
        except WorkerDied as error:
            log.error("cannot start: %s", error)
            raise
        except Exception as error:
            log.error("cannot start: the workers: %s: %s", type(error).__name__, error)
            raise
        try:
            async with limit or nullcontext(), supervisor:
                yield {"observer": observer, "refuser": refuser}  # for the protocol, which uvicorn makes
        finally:
            await pool.stop()

    return lifespan


def _complete_openapi(app: FastAPI) -> None:
    generate = app.openapi

    def complete() -> dict[str, object]:
        return openapi.document(generate())

    app.openapi = complete  # type: ignore[method-assign]
