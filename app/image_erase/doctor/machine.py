"""Check the port and the memory of the machine."""

import errno
import http.client
import os
import socket
from contextlib import suppress
from pathlib import Path

from image_erase.doctor.finding import Finding, Level
from image_erase.health import ask
from image_erase.processors import available_processors, default_workers
from image_erase.settings import JobSettings, ListeningSettings
from image_erase.system import can_limit_memory

MIB = 1024 * 1024
HEALTH_SECONDS = 5.0
_CGROUP = Path("/sys/fs/cgroup")


def port(settings: ListeningSettings, seconds: float = HEALTH_SECONDS) -> Finding:
    """Check that the server can listen on its port, or already does. seconds: to wait for its answer."""
    where = f"{settings.host}:{settings.port}"
    if settings.host.startswith("unix:"):
        return _unix_socket(Path(settings.host.removeprefix("unix:")))
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return Finding(Level.WRONG, "port", f"cannot listen on {where} ({error.strerror or error})")
        if _answers(settings, seconds):
            return Finding(Level.OK, "port", f"a server already answers on {where}")
        return Finding(Level.WRONG, "port", f"{where} is in use by another program; see ERASE_PORT")
    return Finding(Level.OK, "port", f"{where} is free" if settings.port else "the server will choose a free one")


def _unix_socket(path: Path) -> Finding:
    """Check that the folder of a Unix socket can be written, or that a server answers on it."""
    if not path.exists():
        if os.access(path.parent, os.W_OK | os.X_OK):
            return Finding(Level.OK, "port", f"{path} is free")
        return Finding(Level.WRONG, "port", f"{path.parent} is not a writable folder; see ERASE_HOST")
    if wrong := ask("/healthz", {"ERASE_HOST": f"unix:{path}"}):
        return Finding(Level.WARNING, "port", f"{wrong}; the start removes the socket if nobody listens on it")
    return Finding(Level.OK, "port", f"a server already answers on {path}")


def memory(settings: JobSettings) -> Finding:
    """Check that there is memory for all workers at the same time."""
    available = available_memory()
    if available is None:
        return Finding(Level.WARNING, "memory", "the available memory cannot be determined on this system")
    fit = available // (settings.worker_memory_mb * MIB)
    each = settings.worker_memory_mb
    says = f"{available // MIB} MiB are available, {settings.workers} workers may use {each} MiB each"
    if not can_limit_memory():
        return Finding(Level.WARNING, "memory", f"{says}; this system does not enforce it")
    if fit < settings.workers:
        return Finding(Level.WARNING, "memory", f"{says}; ERASE_WORKERS={max(1, fit)} is safer")
    return Finding(Level.OK, "memory", says)


def processors(settings: JobSettings) -> Finding:
    """Check that every worker has a processor."""
    usable = available_processors()
    says = f"{usable:g} can be used, for {settings.workers} workers"
    if settings.workers > max(1, usable):
        return Finding(Level.WARNING, "processors", f"{says}; ERASE_WORKERS={default_workers(usable)} is as fast")
    return Finding(Level.OK, "processors", says)


def available_memory(root: Path = _CGROUP, meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Return how many bytes machine and container leave to this process, or None if unknown.

    root: folder of the container's control group (version 2). meminfo: file in the format of /proc/meminfo.
    """
    found = []
    with suppress(OSError, ValueError, IndexError):
        found.append(int(meminfo.read_text().partition("MemAvailable:")[2].split()[0]) * 1024)
    with suppress(OSError, ValueError):
        # without a limit the file contains "max", which int() rejects
        found.append(int((root / "memory.max").read_text()) - int((root / "memory.current").read_text()))
    return max(0, min(found)) if found else None


def _answers(settings: ListeningSettings, seconds: float) -> bool:
    """Whether the program that uses the port is an image-erase server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    connection = http.client.HTTPConnection(host, settings.port, timeout=seconds)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        return answer.status == 200 and answer.read(100) == b'{"status":"ok"}'
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
