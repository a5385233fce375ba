"""The command image-erase. What only one subcommand needs is imported late, so that each starts quickly."""

import faulthandler
import gc
import logging
import os
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from image_erase import __version__
from image_erase.batch.options import erase
from image_erase.clock import Clock, system_clock
from image_erase.logs import configure_logging

if TYPE_CHECKING:
    from image_erase.doctor import Finding
    from image_erase.reloading import Load
    from image_erase.settings import Settings
    from image_erase.stopping import StoppingServer
    from image_erase.timeouts import Timeouts

# Within the 30 s that orchestrators give by default.
STOP_SECONDS = 20

log = logging.getLogger(__name__)


@click.group()
@click.version_option(__version__, prog_name="image-erase")
@click.option(
    "--env-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with lines NAME=value that are added to the environment, which wins.",
)
@click.pass_context
def main(context: click.Context, env_file: Path | None) -> None:
    """Erase what a mask covers: as a server with the Image Erasure API, or in files."""
    from image_erase.environment import Environment, EnvironmentFileError  # noqa: PLC0415

    try:
        context.obj = Environment(os.environ, env_file)
    except EnvironmentFileError as error:
        print(f"image-erase: {error}", file=sys.stderr)
        sys.exit(2)


@main.command()
@click.option("--host", help="Address to listen on (ERASE_HOST).")
@click.option("--port", type=int, help="Port to listen on (ERASE_PORT).")
@click.pass_context
def serve(context: click.Context, host: str | None, port: int | None) -> None:
    """Run the server. All settings are ERASE_ environment variables; see docs/settings.md."""
    with _no_collections():
        server, sockets = _prepared(context, host, port)
    _run(server, sockets)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Load what stays loaded: no garbage collection looks at it, neither meanwhile nor, if all went well, later."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def _prepared(
    context: click.Context, host: str | None, port: int | None
) -> "tuple[StoppingServer, list[socket.socket]]":
    """Return the server and its sockets, and print how to try it. Exits if a setting cannot be used."""
    from image_erase.greeting import greeting  # noqa: PLC0415
    from image_erase.listening import listening  # noqa: PLC0415
    from image_erase.reloading import allow_connections  # noqa: PLC0415
    from image_erase.secrets import key_to_show  # noqa: PLC0415
    from image_erase.settings import SettingsError, load_settings, unknown_variables  # noqa: PLC0415

    def load_again() -> "Settings":
        context.obj.read_again()
        return load_settings(host=host, port=port)

    try:
        settings = load_settings(host=host, port=port)
        configure_logging(settings.log_format, settings.log_level)
        key = key_to_show(settings)
        server = make_server(settings, load=load_again)
        sockets = context.with_resource(listening(settings))
    except SettingsError as error:
        print(f"image-erase: {error}", file=sys.stderr)
        sys.exit(2)
    for warning in unknown_variables(os.environ):
        print(f"image-erase: warning: {warning}", file=sys.stderr)
    allow_connections(settings)
    tls = settings.tls_certificate is not None
    for line in greeting(settings.host, sockets[0], key, Path.cwd(), page=settings.page, tls=tls):
        print(line, flush=True)
    return server, sockets


@main.command()
@click.option("--ready", is_flag=True, help="Check that it can process jobs (/readyz), not only that it answers.")
def health(ready: bool) -> None:
    """Check the health of the server at ERASE_HOST and ERASE_PORT. The exit code is 1 if it is unhealthy."""
    from image_erase.health import ask  # noqa: PLC0415

    if wrong := ask("/readyz" if ready else "/healthz"):
        print(f"image-erase: {wrong}", file=sys.stderr)
        sys.exit(1)


@main.command()
def key() -> None:
    """Print an API key: the first that is set, else the one in the storage, which is created if there is none."""
    from image_erase.secrets import first_api_key  # noqa: PLC0415
    from image_erase.settings import SettingsError, load_settings  # noqa: PLC0415

    try:
        print(first_api_key(load_settings()))
    except SettingsError as error:
        print(f"image-erase: {error}", file=sys.stderr)
        sys.exit(2)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
def sample(folder: Path) -> None:
    """Write an example picture and its mask, photo.jpg and mask.png, into FOLDER (default: the working directory)."""
    from image_erase.sample import write_sample  # noqa: PLC0415

    try:
        for path in write_sample(folder):
            print(f"{path} already exists", file=sys.stderr)
    except OSError as error:
        print(f"image-erase: {error.strerror or error}", file=sys.stderr)
        sys.exit(1)


@main.command()
@click.option("--url", help="URL that clients use: also check the result links of the running server behind its proxy.")
def doctor(url: str | None) -> None:
    """Check settings, storage, keys, port, memory and workers. The exit code is 1 if anything is wrong."""
    from image_erase.doctor import Finding, Level, examine  # noqa: PLC0415
    from image_erase.settings import SettingsError, load_settings  # noqa: PLC0415

    try:
        settings = load_settings()
    except SettingsError as error:
        print(Finding(Level.WRONG, "settings", str(error)).line)
        sys.exit(1)
    configure_logging(settings.log_format, settings.log_level)
    levels = []
    for finding in chain(_settings_findings(), examine(settings, url)):
        print(finding.line, flush=True)
        levels.append(finding.level)
    sys.exit(Level.WRONG in levels)


def _settings_findings() -> "list[Finding]":
    from image_erase.doctor import Finding, Level  # noqa: PLC0415
    from image_erase.settings import unknown_variables  # noqa: PLC0415

    warnings = [Finding(Level.WARNING, "settings", warning) for warning in unknown_variables(os.environ)]
    return warnings or [Finding(Level.OK, "settings", "all are valid")]


main.add_command(erase)


def _run(server: "StoppingServer", sockets: list[socket.socket]) -> None:
    """Serve until a signal ends it, which is not a failure. The reason for the end is logged in any case."""
    faulthandler.enable()
    log.info("starting", extra={"version": __version__, **_place(sockets[0])})
    try:
        server.run(sockets=sockets)
    except SystemExit as end:
        log.error("stopped", extra={"reason": "it could not start", "exit_code": end.code})
        raise
    except BaseException as error:
        if (refusal := _refusal(error)) and not server.started:
            warnings.simplefilter("ignore", RuntimeWarning)  # a coroutine that could not be started
            log.error("stopped", extra={"reason": f"it could not start: {refusal}", "exit_code": 3})
            sys.exit(3)
        log.critical("stopped", extra={"reason": "an unexpected failure", "exit_code": 1}, exc_info=True)
        sys.exit(1)
    log.info("stopped", extra={"reason": server.reason, "exit_code": 0 if server.started else 3})
    if not server.started:
        sys.exit(3)


def _place(listener: socket.socket) -> dict[str, object]:
    name = listener.getsockname()
    return {"host": f"unix:{name}"} if isinstance(name, str) else {"host": name[0], "port": name[1]}


def _refusal(error: BaseException | None) -> str | None:
    """Return the resource that the system refused, such as open files, if that caused the failure."""
    while error:
        if isinstance(error, OSError):
            return error.strerror or type(error).__name__
        error = error.__cause__ or error.__context__
    return None


def make_server(
    settings: "Settings",
    clock: Clock = system_clock,
    timeouts: "Timeouts | None" = None,
    load: "Load | None" = None,
) -> "StoppingServer":
    """Return uvicorn with the application, configured for clients of this API. Raises SettingsError.

    timeouts: in addition to those in the settings. load: reads the settings again for a reload.
    """
    import uvicorn  # noqa: PLC0415

    from image_erase.http.connection import Shared  # noqa: PLC0415
    from image_erase.http.protocol import connections_of  # noqa: PLC0415
    from image_erase.listening import tls_context  # noqa: PLC0415
    from image_erase.reloading import Connections, Reloader  # noqa: PLC0415
    from image_erase.server import create_app  # noqa: PLC0415
    from image_erase.stopping import StoppingServer  # noqa: PLC0415
    from image_erase.timeouts import DEFAULT_TIMEOUTS  # noqa: PLC0415

    timeouts = timeouts or DEFAULT_TIMEOUTS
    app = create_app(settings, clock, timeouts)
    limits = replace(timeouts.http, connections=settings.connections, keep_alive_seconds=settings.keepalive_seconds)
    shared = Shared(limits, tls_context(settings), settings.metrics_port)
    parts = (app.state.application.prepare, Connections(shared).prepare)
    return StoppingServer(
        uvicorn.Config(
            app,
            http=connections_of(shared),  # type: ignore[arg-type]  # uvicorn calls it as it would a class
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        ),
        app.state,
        settings.stop_delay_seconds,
        Reloader(settings, load, parts).reload if load else None,
    )
