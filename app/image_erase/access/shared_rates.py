"""Limits that servers share, for as long as the storage that they share them in is there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, Self

from image_erase.access.rates import RateLimit
from image_erase.contract.errors import ApiError

#: How long a call may wait for the storage, in seconds.
PATIENCE_SECONDS = 0.25
#: How long it is until a storage that was gone is tried again, in seconds.
PAUSE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Shared(Protocol):
    """What counts for all servers together; see SharedRates."""

    async def count(self, key: str) -> None:
        """Raise ApiError where the call is one too many, anything else where it can't be told."""

    async def try_out(self) -> None:
        """Raise anything where it does not work."""

    async def close(self) -> None:
        """Leave nothing open."""


def reason(error: Exception) -> str:
    """Why a storage can't be used, in a word: what the error itself says may hold what the URL holds."""
    cause = error.__cause__
    return type(cause if isinstance(cause, Exception) else error).__name__


class SharedRateLimit:
    """Asks the shared storage; while it is gone or slow, goes by what this server has counted itself.

    No call is refused, and only those under way are held up, because the storage has gone: from the first that fails
    on, none waits for it until it could be written again.

    own: counts this server's calls all along, so that it knows them when it has to go on alone.
    pause: waits so many seconds.
    """

    def __init__(
        self, shared: Shared, own: RateLimit, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._shared, self._own, self._pause = shared, own, pause
        self._is_up = True
        self._waiting: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Whether limits are shared at the moment."""
        return self._is_up

    async def __aenter__(self) -> Self:
        """Try the storage, so that an operator hears at the start of one that is not there."""
        await self._try()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop waiting for the storage and leave it."""
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

    async def _counted(self, key: str) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._shared.count(key)
        except ApiError:
            raise
        # Whatever the client makes of a server that is gone, full, or none at all: the call is not the one to suffer.
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
            log.warning("rate limits are not shared: storage gone", extra={"reason": reason(error)})
            self._waiting = asyncio.create_task(self._wait())

    def _found(self) -> None:
        if not self._is_up:
            self._is_up = True
            log.info("rate limits are shared again")

    async def _wait(self) -> None:
        while not self._is_up:
            await self._pause(PAUSE_SECONDS)
            await self._try()
