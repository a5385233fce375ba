"""Check the health of a running server: `image-erase health`, for containers and supervisors.

It runs every few seconds, so it loads neither the settings nor any library, and reads the variables that it needs.
"""

import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing

SECONDS = 4.0
_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def ask(path: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return one line about a problem of the server at ERASE_HOST and ERASE_PORT, or None.

    path: the path to request; any status except 200 is a problem.
    """
    host = environment.get("ERASE_HOST") or "127.0.0.1"
    port = environment.get("ERASE_PORT") or "8000"
    where = host if host.startswith("unix:") else f"{host}:{port}"
    try:
        with closing(_connection(host, port, uses_tls=bool(environment.get("ERASE_TLS_CERTIFICATE")))) as connection:
            connection.request("GET", path)
            status = connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{where} does not answer ({error or type(error).__name__})"
    return None if status == http.client.OK else f"{where}: {path} answers {status}"


def _connection(host: str, port: str, *, uses_tls: bool) -> http.client.HTTPConnection:
    address = _THIS_MACHINE.get(host, host)
    if uses_tls:
        # The certificate is for the server's public name, not for this address.
        context = ssl._create_unverified_context()  # noqa: S323
        return http.client.HTTPSConnection(address, int(port), timeout=SECONDS, context=context)
    if not host.startswith("unix:"):
        return http.client.HTTPConnection(address, int(port), timeout=SECONDS)
    connection = http.client.HTTPConnection("localhost", timeout=SECONDS)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(SECONDS)
    connection.sock.connect(host.removeprefix("unix:"))
    return connection
