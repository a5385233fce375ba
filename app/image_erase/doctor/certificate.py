"""Check the certificate for TLS."""

import ssl
import time

from image_erase.doctor.finding import Finding, Level
from image_erase.listening import tls_context
from image_erase.settings import ListeningSettings, SettingsError

#: Certificates are usually renewed 30 days before they expire.
SOON_DAYS = 14
_DAY = 86400


def certificate(settings: ListeningSettings, now: float | None = None) -> Finding:
    """Check that the certificate fits its key and does not expire soon.

    now: the time, in seconds since the epoch; None for the clock's.
    """
    try:
        server = tls_context(settings)
    except SettingsError as error:
        return Finding(Level.WRONG, "certificate", str(error))
    if server is None:
        return Finding(Level.OK, "certificate", "none is set; the server speaks HTTP")
    try:
        expires = _expiry(server, str(settings.tls_certificate))
    except ssl.SSLError as error:
        says = getattr(error, "verify_message", "") or error.reason
        return Finding(Level.WRONG, "certificate", f"ERASE_TLS_CERTIFICATE: clients would refuse it ({says})")
    return _judged(expires, time.time() if now is None else now)


def _judged(expires: float, now: float) -> Finding:
    days = int((expires - now) // _DAY)
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
    if expires <= now:
        return Finding(Level.WRONG, "certificate", f"ERASE_TLS_CERTIFICATE: it has expired on {until}")
    if days < SOON_DAYS:
        return Finding(Level.WARNING, "certificate", f"ERASE_TLS_CERTIFICATE: it expires in {days} days, on {until}")
    return Finding(Level.OK, "certificate", f"it is valid until {until}")


def _expiry(server: ssl.SSLContext, path: str) -> float:
    """Return when the certificate expires, in seconds since the epoch, from a handshake in memory.

    The client trusts exactly this certificate. Raises ssl.SSLError if it is not valid now.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(path)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(back, there)
    ends = client, server.wrap_bio(there, back, server_side=True)
    # Client hello, server hello, the client's end.
    for end in (*ends, client):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    found = client.getpeercert() or {}
    return float(ssl.cert_time_to_seconds(str(found["notAfter"])))
