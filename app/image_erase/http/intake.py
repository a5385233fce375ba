"""Bodies on their way in: how long each may take, and how much memory all may take together."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from starlette.requests import Request
from starlette.types import Message

from image_erase.http.failures import Reason, Refused
from image_erase.shares import Holding, NoRoom, Shares

# A client that sends nothing for so long is not slow but gone.
IDLE_SECONDS = 10.0
# The share of the newest body in the running mean of how long bodies take.
_NEWEST_SHARE = 0.2

T = TypeVar("T")


class Intake:
    """Lets bodies in. seconds: for a whole body. shares: the memory for all bodies that are being received at once."""

    def __init__(self, seconds: float, shares: Shares) -> None:
        self._seconds, self._shares = seconds, shares
        self._mean_seconds = 0.0
        # When each body must have come to its end, in the loop's time.
        self._ends: dict[object, float] = {}

    async def receive(self, request: Request, owner: str, read: Callable[[Request], Awaitable[T]]) -> T:
        """Let one body in and read it with `read`.

        owner: who shares the memory with other owners. What has arrived counts, not what is announced.
        Raises Refused: RECEIVE_MEMORY_FULL where there is no room for the next piece, or another owner needs it more,
        BODY_OVERDUE where the body takes too long; and what `read` raises.
        """
        loop, ticket = asyncio.get_running_loop(), object()
        started = loop.time()
        self._ends[ticket] = started + self._seconds
        try:
            async with asyncio.timeout(None) as evicted:
                with self._shares.open(owner, lambda: evicted.reschedule(loop.time())) as holding:
                    return await read(Request(request.scope, _metered(request, self._ends[ticket], holding)))
        except (NoRoom, TimeoutError):
            raise self._no_room(loop.time()) from None
        finally:
            del self._ends[ticket]
            self._mean_seconds += _NEWEST_SHARE * (loop.time() - started - self._mean_seconds)

    @asynccontextmanager
    async def hold(self, owner: str, size: int) -> AsyncIterator[None]:
        """Hold memory for a body that has arrived, until the end of the block: while a large one waits for a worker.

        Raises Refused RECEIVE_MEMORY_FULL as receive() does, also inside the block.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as evicted:
                with self._shares.open(owner, lambda: evicted.reschedule(loop.time())) as holding:
                    holding.grow(size)
                    yield
        except (NoRoom, TimeoutError):
            raise self._no_room(loop.time()) from None

    def _no_room(self, now: float) -> Refused:
        """Room comes, as things go, with the next body's end, at the latest when the first must have come to it."""
        latest = min(self._ends.values(), default=now) - now
        seconds = max(1, math.ceil(min(self._mean_seconds, latest)))
        return Refused(
            Reason.RECEIVE_MEMORY_FULL,
            f"Too much is being uploaded, try again in {seconds} s.",
            {"Retry-After": str(seconds)},
        )


def _metered(request: Request, end: float, holding: Holding) -> Callable[[], Awaitable[Message]]:
    """The request's own way to receive, with a limit to each message's time and all of them, and to their memory."""

    async def receive() -> Message:
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(end, now + IDLE_SECONDS)):
                message = await request.receive()
        except TimeoutError:
            raise Refused(Reason.BODY_OVERDUE, "The body did not arrive in time.") from None
        holding.grow(len(message.get("body", b"")))
        return message

    return receive
