"""Bodies on their way in: how long each may take, and how much memory all may take together."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.types import Message

from image_erase.http.failures import Reason, Refused

# A client that sends nothing for so long is not slow but gone.
IDLE_SECONDS = 10.0
# The share of the newest body in the running mean of how long bodies take.
_NEWEST_SHARE = 0.2

T = TypeVar("T")


class Intake:
    """Lets bodies in. seconds: for a whole body. budget_bytes: for all bodies that are being received at once."""

    def __init__(self, seconds: float, budget_bytes: int) -> None:
        self._seconds, self._budget = seconds, budget_bytes
        self._mean_seconds = 0.0
        # When each body must have come to its end, in the loop's time -> its bytes.
        self._reserved: dict[object, tuple[float, int]] = {}

    async def receive(self, request: Request, largest: int, read: Callable[[Request], Awaitable[T]]) -> T:
        """Let one body in and read it with `read`.

        largest: bytes that the body may have at most; kept free for it where it does not announce less.
        Raises Refused: RECEIVE_MEMORY_FULL at once where there is no room, BODY_OVERDUE where the
        body takes too long; and what `read` raises.
        """
        started = asyncio.get_running_loop().time()
        end = started + self._seconds
        wanted = min(_announced(request) or largest, largest)
        if self._reserved and sum(size for _, size in self._reserved.values()) + wanted > self._budget:
            raise self._no_room(started)
        ticket = object()
        self._reserved[ticket] = end, wanted
        try:
            return await read(Request(request.scope, _timed(request, end)))
        finally:
            del self._reserved[ticket]
            taken = asyncio.get_running_loop().time() - started
            self._mean_seconds += _NEWEST_SHARE * (taken - self._mean_seconds)

    def _no_room(self, now: float) -> Refused:
        """Room comes, as things go, with the next body's end, at the latest when the first must have come to it."""
        latest = min(end for end, _ in self._reserved.values()) - now
        seconds = max(1, math.ceil(min(self._mean_seconds, latest)))
        return Refused(
            Reason.RECEIVE_MEMORY_FULL,
            f"Too much is being uploaded, try again in {seconds} s.",
            {"Retry-After": str(seconds)},
        )


def _announced(request: Request) -> int | None:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else None


def _timed(request: Request, end: float) -> Callable[[], Awaitable[Message]]:
    """The request's own way to receive, with a limit to each message and one to all of them."""

    async def receive() -> Message:
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(end, now + IDLE_SECONDS)):
                return await request.receive()
        except TimeoutError:
            raise Refused(Reason.BODY_OVERDUE, "The body did not arrive in time.") from None

    return receive
