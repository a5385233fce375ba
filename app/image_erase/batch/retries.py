"""Retry temporary failures: exponential backoff with full jitter, and Retry-After."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from image_erase.batch.failures import Failure, PictureFailed

Outcome = TypeVar("Outcome")

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0
#: Upper bound for Retry-After, in seconds.
MOST_RETRY_AFTER = 300.0


class Passing(Exception):
    """A failure that may be temporary. retry_after: seconds that the server asked to wait."""

    def __init__(self, failure: Failure, retry_after: float = 0.0) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.retry_after = retry_after


@dataclass(frozen=True)
class Retries:
    """Retry policy. most: number of retries. sleep, uniform: replaced in tests."""

    most: int
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    uniform: Callable[[float, float], float] = random.uniform

    async def of(self, attempt: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Return the result of the first attempt that does not raise Passing. Raises PictureFailed after the last."""
        tries = 0
        while True:
            tries += 1
            try:
                return await attempt()
            except Passing as passing:
                if tries > self.most:
                    raise PictureFailed(passing.failure.after(tries)) from None
                await self.sleep(self._pause(tries, passing.retry_after))
            except PictureFailed as error:
                raise PictureFailed(error.failure.after(tries)) from None

    def _pause(self, tries: int, retry_after: float) -> float:
        """Add jitter to the time that the server asked for, so that not all clients return at once."""
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** (tries - 1))
        return min(retry_after, MOST_RETRY_AFTER) + self.uniform(0, longest)
