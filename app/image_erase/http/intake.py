"""Reception of request bodies: a time limit for each, and a memory limit for all together."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from starlette.requests import Request
from starlette.types import Message

from image_erase.http.edge import stage
from image_erase.http.failures import Reason, Refused
from image_erase.http.limits import Limits
from image_erase.shares import Holding, NoRoom, Shares

# Weight of the newest body in the running mean of how long bodies take.
_NEWEST_SHARE = 0.2

T = TypeVar("T")


class Intake:
    """Receives bodies.

    seconds: limit for a body, extended by the time that its bytes take at `limits.body_bytes_per_second`; may be
    changed, for the bodies that start after that. shares: the memory for all bodies received at the same time.
    """

    def __init__(self, seconds: float, shares: Shares, limits: Limits) -> None:
        self.seconds, self._shares, self._limits = seconds, shares, limits
        self._mean_seconds = 0.0
        # The time limit of each body, in the loop's time.
        self._ends: dict[object, float] = {}

    async def receive(self, request: Request, owner: str, read: Callable[[Request], Awaitable[T]]) -> T:
        """Receive one body by calling `read`.

        owner: memory is shared fairly among owners. Only received bytes count, not an announced length.
        Raises Refused: RECEIVE_MEMORY_FULL if there is no memory for the next piece or another owner has precedence,
        BODY_OVERDUE if the body takes too long; and what `read` raises.
        """
        loop, ticket = asyncio.get_running_loop(), object()
        started = loop.time()
        began = time.perf_counter()
        self._ends[ticket] = started + self.seconds
        try:
            async with asyncio.timeout(None) as evicted:
                with self._shares.open(owner, lambda: evicted.reschedule(loop.time())) as holding:
                    receive = _metered(request, self._ends[ticket], holding, self._limits)
                    return await read(Request(request.scope, receive))
        except (NoRoom, TimeoutError):
            raise self._no_room(loop.time()) from None
        finally:
            del self._ends[ticket]
            now = time.perf_counter()
            stage(request.scope, "receive", now, now - began)
            self._mean_seconds += _NEWEST_SHARE * (loop.time() - started - self._mean_seconds)

    @asynccontextmanager
    async def hold(self, owner: str, size: int) -> AsyncIterator[None]:
        """Reserve memory for a received body until the end of the block, while it waits for a worker.

        Raises Refused RECEIVE_MEMORY_FULL like receive(), also inside the block.
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
        """Refuse for lack of memory; some is expected to be free when the next body ends."""
        latest = min(self._ends.values(), default=now) - now
        seconds = max(1, math.ceil(min(self._mean_seconds, latest)))
        return Refused(
            Reason.RECEIVE_MEMORY_FULL,
            f"Too much is being uploaded, try again in {seconds} s.",
            {"Retry-After": str(seconds)},
        )


def _metered(request: Request, end: float, holding: Holding, limits: Limits) -> Callable[[], Awaitable[Message]]:
    """Wrap the request's `receive` with time limits per message and in total, and a memory limit.

    end: of the time for a body of no length, in the loop's time.
    """
    received = 0

    async def receive() -> Message:
        nonlocal received
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(
                min(end + received / limits.body_bytes_per_second, now + limits.body_idle_seconds)
            ):
                message = await request.receive()
        except TimeoutError:
            raise Refused(Reason.BODY_OVERDUE, "The body did not arrive in time.") from None
        size = len(message.get("body", b""))
        received += size
        holding.grow(size)
        return message

    return receive
