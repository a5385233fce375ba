"""The absolute URL of a result, as the client must see it."""

import ipaddress
import re
from urllib.parse import quote

from starlette.requests import Request

from image_erase.http.failures import Reason, Refused

# RFC 3986, 3.2.2 and 3.2.3, as far as a client may name this server: a name or IPv4 address, or an IPv6 address in
# brackets, and a port.
_MAX_PORT = 65535
_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,252})|\[(?P<ipv6>[0-9A-Fa-f:.]{2,45})\])(?P<port>:[0-9]{1,5})?")


def base_url(request: Request, public_url: str | None) -> str:
    """Scheme, host and path prefix that links begin with, without a slash at the end.

    public_url: what the operator has set wins. Else scheme and `Host` as the client used them; a trusted proxy's word
    for both has been taken over before. Raises Refused BAD_HOST for a `Host` that no URL can have.
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
