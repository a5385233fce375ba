"""Time that passes as fast as it is waited for."""

import asyncio
from collections.abc import Callable


class PassingTime:
    """Seconds that pass only while somebody sleeps. slept: every sleep, in order."""

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
        """Look after every turn of the event loop until it is so; a test bounds it with asyncio.timeout()."""
        while not true():  # noqa: ASYNC110 (there is no event for whatever a test waits for)
            await asyncio.sleep(0)
