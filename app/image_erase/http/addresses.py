"""Absolute URLs of results, as the client can reach them."""

import ipaddress
import re
from urllib.parse import quote

from starlette.requests import Request

from image_erase.http.failures import Reason, Refused

# The forms of RFC 3986, 3.2.2 and 3.2.3, that can name this server: a host name or IPv4 address, or an IPv6 address in
# brackets, and a port.
_MAX_PORT = 65535
_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,252})|\[(?P<ipv6>[0-9A-Fa-f:.]{2,45})\])(?P<port>:[0-9]{1,5})?")


def base_url(request: Request, public_url: str | None) -> str:
    """Return the start of links: scheme, host and path prefix, without a trailing slash.

    public_url: set by the operator, takes precedence. Otherwise the scheme and `Host` of the request are used, which
    already contain what a trusted proxy has forwarded. Raises Refused BAD_HOST if `Host` is not valid in a URL.
    """
    if public_url:
        return public_url
    host = request.headers.get("host", "")
    if not host and request.scope["server"]:
        address, port = request.scope["server"]
        host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    match = _HOST.fullmatch(host)
    if not match or int((match["port"] or ":0")[1:]) > _MAX_PORT or not _is_ipv6(match["ipv6"] or "::"):
        raise Refused(Reason.BAD_HOST, "Host: Not a valid host name.")
    prefix = request.scope.get("app_root_path", request.scope["root_path"])
    return f"{request.url.scheme}://{quote(host, safe='[]:')}{prefix}"


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
