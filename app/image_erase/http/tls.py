"""TLS for connections: the certificate, and the handshake of one connection."""

import asyncio
import ssl
from pathlib import Path
from typing import cast

# The protocol limits shutdown by states of its own; asyncio must not end it earlier.
_SHUTDOWN_SECONDS = 24 * 3600.0


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Load a certificate chain and its private key, both PEM, for TLS 1.2 and 1.3.

    Raises OSError (ssl.SSLError among them) or ValueError if they cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key, password=_no_password)
    return context


def _no_password() -> str:
    """Refuse an encrypted key, for which OpenSSL would ask at the terminal."""
    raise ValueError("the key is encrypted")


async def handshake(
    transport: asyncio.Transport, protocol: asyncio.Protocol, early: bytearray, context: ssl.SSLContext, seconds: float
) -> asyncio.Transport | None:
    """Return the encrypted transport of a connection, None if the handshake fails. transport: of the connection.

    early: gets the bytes that the protocol receives before TLS has taken its place on the transport. seconds: limit of
    the handshake.
    """
    loop = asyncio.get_running_loop()
    starting = loop.create_task(
        loop.start_tls(
            transport,
            protocol,
            context,
            server_side=True,
            ssl_handshake_timeout=seconds,
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
        )
    )
    try:
        await asyncio.sleep(0)
        # start_tls() has set its protocol and will connect it before this is called.
        loop.call_soon(_feed, transport, protocol, early)
        return await starting
    except (OSError, RuntimeError):
        transport.abort()
        return None
    finally:
        starting.cancel()


def _feed(transport: asyncio.Transport, protocol: asyncio.Protocol, early: bytearray) -> None:
    """Pass early bytes to TLS: uvloop reads as soon as a connection is made, even if its protocol pauses that."""
    if transport.get_protocol() is protocol or transport.is_closing():
        return
    tls = cast(asyncio.BufferedProtocol, transport.get_protocol())
    while early:
        buffer = memoryview(tls.get_buffer(len(early)))
        size = min(len(buffer), len(early))
        buffer[:size] = early[:size]
        del early[:size]
        tls.buffer_updated(size)
