"""Rate limits shared through Redis, with local limits as a fallback while Redis is unreachable."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, Self

from image_erase.access.rates import Limiter, RateLimit
from image_erase.contract.errors import ApiError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RedisTimeouts:
    """Time limits for Redis, in seconds. call: longest wait for it. pause: between two attempts to reach it again."""

    call: float = 0.25
    pause: float = 5.0


DEFAULT_TIMEOUTS = RedisTimeouts()


class Shared(Protocol):
    """Counts for all servers together; see SharedRates."""

    async def count(self, key: str) -> None:
        """Count a call. Raises ApiError if it exceeds a limit, and any other exception if Redis fails."""

    def change(self, rates: str | None) -> None:
        """Use other limits from now on."""

    async def check(self) -> None:
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
    sleep: waits that many seconds.
    """

    def __init__(
        self,
        shared: Shared,
        own: RateLimit,
        timeouts: RedisTimeouts = DEFAULT_TIMEOUTS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._shared, self._own, self._timeouts, self._sleep = shared, own, timeouts, sleep
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
            async with asyncio.timeout(self._timeouts.call):
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
            async with asyncio.timeout(self._timeouts.call):
                await self._shared.check()
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
            await self._sleep(self._timeouts.pause)
            await self._try()
