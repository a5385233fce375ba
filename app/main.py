"""Builds the server from its parts, and starts and stops what runs beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.api import erase, openapi, operations, results
from app.api.cors import Cors
from app.api.edge import Edge, refusal
from app.api.errors import ApiError, Code
from app.api.intake import Intake
from app.api.keys import KeyFile, Keys
from app.api.proxies import TrustedProxies
from app.api.targets import AbsoluteTargets
from app.clock import Clock, system_clock
from app.jobs.pool import Pool
from app.results.links import Links
from app.results.secret import API_KEY_FILE, SIGNING_KEY_FILE, kept_secret
from app.results.store import ResultStore, StoreError, local_path
from app.results.sweeper import Sweeper
from app.settings import Settings, SettingsError


def create_app(settings: Settings, clock: Clock = system_clock) -> FastAPI:
    """The server as an ASGI application. Raises SettingsError where a setting can't be followed."""
    keys = _keys(settings)
    store = _store(settings)
    links = Links(_signing_keys(settings), clock)
    pool = Pool(
        job_options(settings),
        workers=settings.workers,
        queue=settings.queue,
        deadline_seconds=settings.deadline_seconds,
    )
    sweeper = Sweeper(store, clock, settings.sweep_interval_seconds)
    service = erase.EraseService(
        keys,
        pool,
        store,
        links,
        clock,
        settings.public_url,
        settings.result_ttl_seconds,
        settings.max_file_bytes,
        Intake(settings.receive_seconds, settings.receive_memory_mb << 20),
    )
    app = FastAPIOffline(
        title="image-erase",
        version=__version__,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(pool, sweeper),
    )
    app.include_router(erase.router(erase.IMAGE_ERASE, service))
    app.include_router(results.router(links, store))
    app.include_router(operations.router(pool, store))
    _answer_failures(app)
    _complete_openapi(app)
    app.add_middleware(Edge)
    app.add_middleware(Cors, origins=settings.cors_origins)
    app.add_middleware(TrustedProxies, trusted=settings.trusted_proxies)
    app.add_middleware(AbsoluteTargets)
    return app


def job_options(settings: Settings) -> dict[str, object]:
    """What the workers have to know of the settings."""
    return {
        "max_side": settings.max_side,
        "jpeg_quality": settings.jpeg_quality,
        "engine": settings.engine,
        "memory_mb": settings.worker_memory_mb,
    }


def _keys(settings: Settings) -> Keys:
    try:
        file = KeyFile(settings.api_keys_file) if settings.api_keys_file else None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"ERASE_API_KEYS_FILE: cannot be read ({type(error).__name__})") from None
    if settings.api_keys or file:
        return Keys((key.get_secret_value() for key in settings.api_keys), file)
    return Keys([_kept(settings, API_KEY_FILE, "ERASE_API_KEYS")])


def _store(settings: Settings) -> ResultStore:
    try:
        return ResultStore(local_path(settings.storage_url) / "results")
    except StoreError as error:
        raise SettingsError(f"ERASE_STORAGE_URL: cannot be used ({error})") from None


def _signing_keys(settings: Settings) -> list[str]:
    if settings.signing_keys:
        return [key.get_secret_value() for key in settings.signing_keys]
    return [_kept(settings, SIGNING_KEY_FILE, "ERASE_SIGNING_KEYS")]


def _kept(settings: Settings, file: str, variable: str) -> str:
    try:
        return kept_secret(local_path(settings.storage_url) / file)
    except OSError as error:
        raise SettingsError(f"{variable}: not set, and none can be kept in the storage ({error.strerror})") from None


def _lifespan(pool: Pool, sweeper: Sweeper):  # type: ignore[no-untyped-def]
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await pool.start()
        sweeping = asyncio.create_task(sweeper.run())
        try:
            yield
        finally:
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping
            await pool.stop()

    return lifespan


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
