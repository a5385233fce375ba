"""Check a proxy in front of a running server: whether result links lead back through it."""

import ssl
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

import httpx

from image_erase.doctor.finding import Finding, Level
from image_erase.routes.operations import READINESS

SECONDS = 10.0
_PORTS = {"http": 80, "https": 443}


def proxy(url: str, verify: ssl.SSLContext | bool = True) -> Finding:
    """Check the result links of the server at the URL that its clients use.

    verify: how certificates are verified; True for the authorities of the system.
    """
    url = url.rstrip("/")
    try:
        answer = httpx.get(url + READINESS, timeout=SECONDS, verify=verify)
        begin = answer.json()["url"] if answer.status_code == HTTPStatus.OK else None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding(Level.WRONG, "proxy", f"{url} does not answer ({type(error).__name__})")
    except (ValueError, LookupError, TypeError):
        return Finding(Level.WRONG, "proxy", f"{url}{READINESS} is not answered by this server")
    if not isinstance(begin, str):
        says = f"{url}{READINESS} answers {answer.status_code}, so result links cannot be checked"
        return Finding(Level.WARNING, "proxy", says)
    return _compared(url, begin)


def _compared(url: str, begin: str) -> Finding:
    wanted, found = urlsplit(url), urlsplit(begin)
    if wanted.scheme != found.scheme:
        reason = "the proxy does not pass the scheme (X-Forwarded-Proto), or is not in ERASE_TRUSTED_PROXIES"
    elif _host(wanted) != _host(found):
        reason = "the proxy does not pass the host (Host or X-Forwarded-Host)"
    elif wanted.path != found.path:
        reason = "the proxy does not pass its path prefix (X-Forwarded-Prefix), and ERASE_ROOT_PATH does not name it"
    else:
        return Finding(Level.OK, "proxy", f"result links begin with {begin}")
    says = f"result links begin with {begin!a} instead of {url!a}: {reason}; ERASE_PUBLIC_URL sets it in any case"
    return Finding(Level.WRONG, "proxy", says)


def _host(url: SplitResult) -> tuple[str | None, int | None]:
    return url.hostname, url.port or _PORTS.get(url.scheme)
