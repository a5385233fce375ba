"""Where the server listens: TCP over IPv4, IPv6 or both, a Unix socket, and a port for metrics."""

import os
import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from image_erase.http.tls import server_context
from image_erase.settings import ListeningSettings, SettingsError

BACKLOG = 2048
UNIX = "unix:"
# For the server's user, and the group of the proxy: whoever can open the socket can call the server.
SOCKET_MODE = 0o660


@contextmanager
def listening(settings: ListeningSettings) -> Iterator[list[socket.socket]]:
    """Bind all sockets before anything is started, so that a port in use is reported early; the first is the main one.

    Raises SettingsError. A Unix socket's file is removed at the end.
    """
    sockets = [_unix(Path(path)) if (path := unix_path(settings.host)) else _tcp(settings, settings.port, "ERASE_PORT")]
    try:
        if settings.metrics_port:
            sockets.append(_tcp(settings, settings.metrics_port, "ERASE_METRICS_PORT"))
        yield sockets
    finally:
        for one in sockets:
            one.close()
        if path:
            with suppress(OSError):
                os.unlink(path)


def tls_context(settings: ListeningSettings) -> ssl.SSLContext | None:
    """Return the TLS context of the main port, None if it serves HTTP. Raises SettingsError."""
    if not (settings.tls_certificate and settings.tls_key):
        return None
    try:
        return server_context(settings.tls_certificate, settings.tls_key)
    except ssl.SSLError as error:
        raise SettingsError(f"ERASE_TLS_CERTIFICATE, ERASE_TLS_KEY: cannot be used ({_reason(error)})") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"ERASE_TLS_CERTIFICATE, ERASE_TLS_KEY: cannot be read ({error})") from None


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or "not PEM").lower().replace("_", " ")


def unix_path(host: str) -> str:
    """Return the path of the Unix socket that a host names, or an empty string."""
    return host.removeprefix(UNIX) if host.startswith(UNIX) else ""


def _tcp(settings: ListeningSettings, port: int, variable: str) -> socket.socket:
    """Bind a TCP socket. `::` accepts IPv4 too if the system supports that."""
    host = "127.0.0.1" if unix_path(settings.host) else settings.host
    both = host == "::" and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except (OSError, OverflowError) as error:
        raise SettingsError(f"ERASE_HOST, {variable}: cannot listen on {host}:{port} ({error})") from None


def _unix(path: Path) -> socket.socket:
    if not hasattr(socket, "AF_UNIX"):
        raise SettingsError("ERASE_HOST: this system has no Unix sockets")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        listener.bind(str(path))
        os.chmod(path, SOCKET_MODE)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(f"ERASE_HOST: cannot listen on {path} ({error.strerror or error})") from None
    return listener


def _remove_stale(path: Path) -> None:
    """Remove the socket of a killed server. Raises OSError if a process still listens on it."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        try:
            trial.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(None, "another server is listening")
