"""How often a key may call."""

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from limits import RateLimitItem, parse_many
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter

from image_erase.contract.errors import ApiError, Code


class WindowMemory(Storage, MovingWindowSupport):
    """The times of the last calls, in this process's memory.

    The library's own storage in memory goes by the wall clock, which may jump, and starts a thread for every call.
    """

    STORAGE_SCHEME = None

    def __init__(self, now: Callable[[], float]) -> None:
        """now: seconds from any moment on, never going back."""
        super().__init__()
        self._now = now
        self._calls: dict[str, deque[float]] = {}

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count calls unless that makes more than the limit within expiry seconds; whether they were counted."""
        calls = self._recent(key, expiry)
        if len(calls) + amount > limit:
            return False
        calls.extend([self._now()] * amount)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest call within expiry seconds was, and how many there were."""
        calls = self._recent(key, expiry)
        return (calls[0] if calls else self._now()), len(calls)

    def clear(self, key: str) -> None:
        """Forget the key's calls."""
        self._calls.pop(key, None)

    def reset(self) -> int:
        """Forget all calls. Returns of how many keys."""
        keys = len(self._calls)
        self._calls.clear()
        return keys

    def check(self) -> bool:
        """Whether it works."""
        return True

    @property
    def base_exceptions(self) -> type[Exception]:
        """What goes wrong in it."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Not for moving windows."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Not for moving windows."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Not for moving windows."""
        raise NotImplementedError

    def _recent(self, key: str, expiry: int) -> deque[float]:
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= self._now() - expiry:
            calls.popleft()
        return calls


class Limiter(Protocol):
    """Says whether a key may call once more."""

    async def admit(self, key: str) -> None:
        """Count one call of the key. Raises ApiError, and counts nothing, where that is one too many."""


class RateLimit:
    """Lets each key call so often, in a window that moves: no moment at which all is forgotten at once.

    rates: such as `60/minute;1000/day`. storage: where calls are counted; its times and `now` are of one clock.
    """

    def __init__(self, rates: str, storage: Storage, now: Callable[[], float]) -> None:
        self._rates = distinct(rates)
        self._limiter = MovingWindowRateLimiter(storage)
        self._now = now

    async def admit(self, key: str) -> None:
        """See Limiter."""
        self.count(key)

    def count(self, key: str) -> None:
        """Count one call of the key. Raises ApiError, and counts nothing, where that is one too many."""
        exceeded = [rate for rate in self._rates if not self._limiter.test(rate, key)]
        if exceeded:
            raise too_often({rate: self._reset(rate, key) - self._now() for rate in exceeded})
        self.note(key)

    def note(self, key: str) -> None:
        """Count one call that has been let through already, as far as the limits leave room."""
        for rate in self._rates:
            self._limiter.hit(rate, key)

    def _reset(self, rate: RateLimitItem, key: str) -> float:
        return self._limiter.get_window_stats(rate, key).reset_time


def distinct(rates: str) -> list[RateLimitItem]:
    """The rates, each once: one said twice must not count twice."""
    return list(dict.fromkeys(parse_many(rates)))


def too_often(waits: Mapping[RateLimitItem, float]) -> ApiError:
    """What a key is told that has reached limits. waits: how many seconds it is until each has room again."""
    last = max(waits, key=lambda rate: waits[rate])
    # Clocks of two machines, or one that was set, may differ by more than a whole window.
    seconds = min(max(1, math.ceil(waits[last])), last.get_expiry())
    return ApiError(
        Code.EXCEEDING_LIMITS,
        f"The key may call {last.amount} times in {last.multiples} {last.GRANULARITY.name}, try again in {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )
