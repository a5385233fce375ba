"""A clock that advances only by sleeping."""

import asyncio
from collections.abc import Callable


class PassingTime:
    """A clock that advances only while a coroutine sleeps. slept: the duration of every sleep, in order."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    async def until(self, true: Callable[[], object]) -> None:
        """Check a condition after every turn of the event loop until it is true, without a time limit of its own."""
        while not true():  # noqa: ASYNC110 (there is no event for whatever a test waits for)
            await asyncio.sleep(0)
