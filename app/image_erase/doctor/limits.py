"""Check the Redis or Valkey through which servers share rate limits."""

import asyncio
from contextlib import suppress

from image_erase.access.shared_rates import DEFAULT_TIMEOUTS, RedisTimeouts, Shared, reason
from image_erase.doctor.finding import Finding, Level
from image_erase.parts import shared_rates
from image_erase.settings import AccessSettings, SettingsError


def rate_limit(settings: AccessSettings, timeouts: RedisTimeouts = DEFAULT_TIMEOUTS) -> Finding:
    """Check that Redis answers in time and can be written to."""
    try:
        asyncio.run(_check(shared_rates(settings, timeouts), timeouts.call))
    except SettingsError as error:
        return Finding(Level.WRONG, "rate limit", str(error))
    except TimeoutError:
        says = f"Redis does not answer within {timeouts.call} s"
    except Exception as error:  # the client raises errors of many kinds; the server handles all of them too
        says = f"Redis cannot be used ({reason(error)})"
    else:
        return Finding(Level.OK, "rate limit", "Redis answers and can be written to")
    return Finding(Level.WARNING, "rate limit", f"{says}, so each server counts separately; see ERASE_RATE_LIMIT_URL")


async def _check(shared: Shared, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await shared.check()
    finally:
        with suppress(Exception):
            await shared.close()
