"""Looks at what servers that share limits share them in."""

import asyncio
from contextlib import suppress

from image_erase.access.shared_rates import PATIENCE_SECONDS, Shared, reason
from image_erase.doctor.finding import Finding, Level
from image_erase.server import shared_rates
from image_erase.settings import Settings, SettingsError


def rate_limit(settings: Settings) -> Finding:
    """Whether limits can be shared: the storage answers in time, and can be written."""
    try:
        asyncio.run(_try_out(shared_rates(settings)))
    except SettingsError as error:
        return Finding(Level.WRONG, "rate limit", str(error))
    except TimeoutError:
        says = f"the storage does not answer within {PATIENCE_SECONDS} s"
    except Exception as error:  # as the server: whatever the client makes of it
        says = f"the storage cannot be used ({reason(error)})"
    else:
        return Finding(Level.OK, "rate limit", "the storage answers and can be written")
    return Finding(Level.WARNING, "rate limit", f"{says}, each server counts alone; see ERASE_RATE_LIMIT_URL")


async def _try_out(shared: Shared) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await shared.try_out()
    finally:
        with suppress(Exception):
            await shared.close()
