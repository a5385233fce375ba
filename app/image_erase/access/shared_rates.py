"""Rate limits shared through Redis, with local limits as a fallback while Redis is unreachable."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, Self

from image_erase.access.rates import Limiter, RateLimit
from image_erase.contract.errors import ApiError

#: Longest time that a call waits for Redis, in seconds.
PATIENCE_SECONDS = 0.25
#: Pause between two tries to reach Redis again, in seconds.
PAUSE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Shared(Protocol):
    """Counts for all servers together; see SharedRates."""

    async def count(self, key: str) -> None:
        """Count a call. Raises ApiError if it exceeds a limit, and any other exception if Redis fails."""

    def change(self, rates: str | None) -> None:
        """Use other limits from now on."""

    async def try_out(self) -> None:
        """Check that it works. Raises any exception if not."""

    async def close(self) -> None:
        """Close all connections."""


def reason(error: Exception) -> str:
    """Return the kind of an error. Its message is not used, because it may contain the URL with its password."""
    cause = error.__cause__
    return type(cause if isinstance(cause, Exception) else error).__name__


class SharedRateLimit(Limiter):
    """Counts in Redis; while that is unreachable or slow, uses the counts of this server only.

    No call is refused because Redis fails, and only calls in progress are delayed: after the first failure, no call
    waits for Redis until it can be written again.

    own: counts the calls of this server at all times, so that it is up to date when Redis fails.
    pause: waits that many seconds.
    """

    def __init__(
        self, shared: Shared, own: RateLimit, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._shared, self._own, self._pause = shared, own, pause
        self._is_up = True
        self._waiting: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """See Limiter."""
        return self._is_up

    async def __aenter__(self) -> Self:
        """Try Redis, so that the log says at the start if it is unreachable."""
        await self._try()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop trying to reach Redis and close the connections."""
        if self._waiting:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)
        with suppress(Exception):
            await self._shared.close()

    async def admit(self, key: str) -> None:
        """See Limiter."""
        if self._is_up and await self._counted(key):
            self._own.note(key)
        else:
            self._own.count(key)

    def change(self, rates: str | None) -> None:
        """See Limiter."""
        self._shared.change(rates)
        self._own.change(rates)

    async def _counted(self, key: str) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._shared.count(key)
        except ApiError:
            raise
        # The client raises many kinds of errors if Redis is gone, full or misconfigured; none may fail the call.
        except Exception as error:
            self._lost(error)
            return False
        return True

    async def _try(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._shared.try_out()
        except Exception as error:
            self._lost(error)
        else:
            self._found()

    def _lost(self, error: Exception) -> None:
        if self._is_up:
            self._is_up = False
            log.warning("rate limits are not shared: store unreachable", extra={"reason": reason(error)})
            self._waiting = asyncio.create_task(self._wait())

    def _found(self) -> None:
        if not self._is_up:
            self._is_up = True
            log.info("rate limits are shared again")

    async def _wait(self) -> None:
        while not self._is_up:
            await self._pause(PAUSE_SECONDS)
            await self._try()
