"""Build the application from its parts, and start and stop its background tasks."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware import Middleware

from image_erase import __version__
from image_erase.access.admission import Admission
from image_erase.access.credentials import HEADERS
from image_erase.access.rates import Limiter
from image_erase.clock import Clock, system_clock
from image_erase.contract.endpoints import ENDPOINTS
from image_erase.contract.refusals import render
from image_erase.http.cors import Cors, CorsPolicy
from image_erase.http.edge import REQUEST_ID_HEADER, Edge
from image_erase.http.intake import Intake
from image_erase.http.ports import OwnPort
from image_erase.http.proxies import TrustedProxies
from image_erase.http.refuser import Refuser
from image_erase.http.targets import PlainTargets
from image_erase.job_options import job_options
from image_erase.jobs.pool import Pool
from image_erase.jobs.process import WorkerDied
from image_erase.metrics import Metrics
from image_erase.observer import Observer, Observers
from image_erase.parts import background_tasks, page_facts, rate_limit, result_store
from image_erase.plain import problems
from image_erase.plain.reception import PlainReception
from image_erase.reloading import Application
from image_erase.results.links import Links
from image_erase.results.store import ResultStore
from image_erase.routes import account, erase, images, operations, plain, results, select
from image_erase.routes.erasing import Erasing
from image_erase.routes.failures import raise_failures
from image_erase.routes.keeping import Keeping
from image_erase.routes.linked import LinkedResults
from image_erase.routes.reception import Reception
from image_erase.secrets import api_keys, signing_keys
from image_erase.settings import Settings
from image_erase.shares import Shares
from image_erase.supervision import Supervisor
from image_erase.telemetry import Providers, Telemetry, providers
from image_erase.timeouts import DEFAULT_TIMEOUTS, Timeouts
from image_erase.web.serving import page_routes

#: Adds a gauge: its name, its meaning, and what returns its value.
Gauge = Callable[[str, str, Callable[[], float]], None]

log = logging.getLogger(__name__)

PLAIN_PATHS = (plain.PATH, select.PATH, images.PATH)
"""Paths whose failures are answered with problem details."""


def create_app(settings: Settings, clock: Clock = system_clock, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> FastAPI:
    """Return the ASGI application. Raises SettingsError if a setting cannot be used."""
    metrics, exporting = Metrics(), providers(settings)
    telemetry = Telemetry(exporting) if exporting else None
    observer = Observers(metrics, telemetry) if telemetry else metrics
    keys, limit = api_keys(settings, clock), rate_limit(settings, timeouts.redis)
    store, links = result_store(settings, timeouts.bucket), Links(signing_keys(settings), clock)
    pool = Pool(
        job_options(settings),
        workers=settings.workers,
        queue=settings.queue,
        deadline_seconds=settings.deadline_seconds,
        observer=observer,
        timeouts=timeouts.workers,
    )
    presign = store.presign(settings.result_ttl_seconds) if settings.result_links == "presigned" else None
    supervisor = background_tasks(settings, store, clock, observer)
    arriving, answers = Shares(settings.receive_memory_mb << 20), Shares(settings.answer_memory_mb << 20)
    refuser = Refuser(render, CorsPolicy(settings.cors_origins), dict.fromkeys(PLAIN_PATHS, problems.render))
    admission = Admission(keys, pool, answers, limit)
    intake = Intake(settings.receive_seconds, arriving, timeouts.http)
    erasing = Erasing(pool, answers, observer)
    keeping = Keeping(store, links, clock, settings.result_ttl_seconds, presign, observer)
    reception = Reception(intake, settings.max_file_bytes)
    steps = erase.Steps(admission, reception, erasing, keeping, settings.public_url)
    plain_steps = plain.PlainSteps(
        admission,
        PlainReception(intake, settings.large_file_bytes),
        LinkedResults(links, store, settings.large_file_bytes),
        erasing,
        keeping,
        links,
        settings.large_pixels,
        settings.public_url,
    )
    app = FastAPIOffline(
        title="image-erase",
        version=__version__,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(pool, supervisor, observer, refuser, limit, exporting=exporting),
        middleware=_layers(settings, refuser, observer),
    )
    for endpoint in ENDPOINTS:
        app.include_router(erase.router(endpoint, steps))
    app.include_router(plain.router(plain_steps))
    app.include_router(select.router(plain_steps))
    app.include_router(images.router(plain_steps))
    app.include_router(account.router(keys, clock, settings.credits, limit))
    app.include_router(results.router(links, store))
    app.include_router(operations.router(pool, store, supervisor, settings.public_url))
    for meter in (metrics, telemetry) if telemetry else (metrics,):
        _watch(meter.gauge, pool, store, supervisor, limit)
        meter.gauge("receive_memory_bytes", "Bytes of request bodies that are arriving", lambda: arriving.held)
        meter.gauge("answer_memory_bytes", "Bytes of results not yet stored or sent", lambda: answers.held)
    if settings.metrics or settings.metrics_port:
        app.include_router(operations.metrics_router(metrics))
    if settings.page:
        app.router.routes.extend(page_routes(page_facts(settings)))
    raise_failures(app)
    app.state.application = Application(keys, links, limit, pool, intake, arriving, answers, clock)
    return app


def _layers(settings: Settings, refuser: Refuser, observer: Observer) -> list[Middleware]:
    """Return the layers that every request passes on its way to a route, outermost first."""
    health = (operations.HEALTH, operations.READINESS)
    layers = [
        Middleware(PlainTargets, root_path=settings.root_path or urlsplit(settings.public_url or "").path),
        Middleware(Edge, refuser=refuser, observer=observer, quiet=operations.PATHS),
        Middleware(TrustedProxies, trusted=settings.trusted_proxies),
        Middleware(Cors, policy=refuser.cors, allowed=", ".join((*HEADERS, REQUEST_ID_HEADER))),
    ]
    if settings.metrics_port:
        layers.append(Middleware(OwnPort, port=settings.metrics_port, own=(operations.METRICS,), anywhere=health))
    return layers


def _watch(gauge: Gauge, pool: Pool, store: ResultStore, supervisor: Supervisor, limit: Limiter) -> None:
    gauge("jobs_waiting", "Jobs waiting for a worker", lambda: pool.waiting)
    gauge("jobs_running", "Jobs being processed by a worker", lambda: pool.running)
    gauge("workers_ready", "Workers that are alive", lambda: pool.ready_workers)
    if store.counts:
        gauge("storage_used_bytes", "Bytes that results take", lambda: store.room.used)
        gauge("storage_fullness", "Share in use of what results may take", lambda: store.room.fullness)
    gauge("tasks_failing", "Background tasks that currently fail", lambda: len(supervisor.failing))
    if limit.is_up is not None:
        gauge("rate_limit_storage_up", "Whether rate limits are shared, 1 or 0", lambda: bool(limit.is_up))


def _lifespan(  # type: ignore[no-untyped-def]
    pool: Pool,
    supervisor: Supervisor,
    observer: Observer,
    refuser: Refuser,
    limit: Limiter,
    *,
    exporting: Providers | None,
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
            async with limit, supervisor:
                yield {"observer": observer, "refuser": refuser}  # for the protocol, which uvicorn makes
        finally:
            await pool.stop()
            if exporting:
                await exporting.stop()

    return lifespan
