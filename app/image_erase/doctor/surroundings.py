"""Check the clock, and the web origins that may call the API."""

import re
import time
from pathlib import Path

import image_erase
from image_erase.doctor.finding import Finding, Level
from image_erase.settings import HttpSettings

# What browsers send as `Origin`: RFC 6454, 6.2, in lower case and without the port that the scheme has anyway.
_ORIGIN = re.compile(
    r"(?!http://[^/]*:80$|https://[^/]*:443$)[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"
)
# Times of installed files come from another machine, whose clock may be a little ahead.
_DAY = 86400


def origins(settings: HttpSettings) -> Finding:
    """Check that every origin of ERASE_CORS_ORIGINS has the form that browsers send."""
    if "*" in settings.cors_origins:
        return Finding(Level.OK, "origins", "all web origins may call the API")
    never = [origin for origin in settings.cors_origins if not _ORIGIN.fullmatch(origin)]
    if never:
        says = f"{never[0]!a} is never sent by a browser; write it as https://shop.example.com, without a path or slash"
        return Finding(Level.WARNING, "origins", f"ERASE_CORS_ORIGINS: {says}")
    return Finding(Level.OK, "origins", f"{len(settings.cors_origins)} web origins may call the API")


def clock(settings: HttpSettings, now: float | None = None) -> Finding:
    """Check that the clock is not before the installation. Links expire by it.

    settings: not used; all checks have the same form. now: the time, in seconds since the epoch; None for the clock's.
    """
    del settings
    installed = Path(image_erase.__file__).stat().st_mtime
    seconds = time.time() if now is None else now
    shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    if seconds < installed - _DAY:
        return Finding(
            Level.WARNING, "clock", f"it says {shown}, which is before the installation: links expire at wrong times"
        )
    return Finding(Level.OK, "clock", f"it says {shown}")
