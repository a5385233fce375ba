"""Check everything that a server needs before it is started: the command `image-erase doctor`."""

from collections.abc import Iterator

from image_erase.doctor.callers import keys, signing_keys
from image_erase.doctor.certificate import certificate
from image_erase.doctor.finding import Finding, Level
from image_erase.doctor.limits import rate_limit
from image_erase.doctor.machine import memory, port, processors
from image_erase.doctor.proxy import proxy
from image_erase.doctor.store import space, storage
from image_erase.doctor.surroundings import clock, origins
from image_erase.doctor.trial import workers
from image_erase.settings import Settings

__all__ = [
    "Finding",
    "Level",
    "certificate",
    "clock",
    "examine",
    "keys",
    "memory",
    "origins",
    "port",
    "processors",
    "proxy",
    "rate_limit",
    "signing_keys",
    "space",
    "storage",
    "workers",
]


def examine(settings: Settings, url: str | None = None) -> Iterator[Finding]:
    """Run all checks and yield the finding of each as soon as it is done.

    url: the URL that clients use, to check the proxy in front of the running server; None for no such check. The checks
    leave nothing behind, except that the storage folder is created if it does not exist.
    """
    for check in (storage, space, keys, signing_keys, port, memory, processors, origins, clock, workers):
        yield check(settings)
    if settings.tls_certificate:
        yield certificate(settings)
    if settings.rate_limit_url:
        yield rate_limit(settings)
    if url is not None:
        yield proxy(url)
