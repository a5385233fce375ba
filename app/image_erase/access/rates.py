"""Rate limits per key."""

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Self

from limits import RateLimitItem, parse_many
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter

from image_erase.contract.errors import ApiError, Code


class WindowMemory(Storage, MovingWindowSupport):
    """Times of recent calls, in the memory of this process.

    The library's own in-memory storage uses the wall clock, which may jump, and starts a thread for every call.
    """

    STORAGE_SCHEME = None

    def __init__(self, now: Callable[[], float]) -> None:
        """now: a monotonic clock, in seconds."""
        super().__init__()
        self._now = now
        self._calls: dict[str, deque[float]] = {}

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count calls unless that exceeds the limit within expiry seconds. Returns whether they were counted."""
        calls = self._recent(key, expiry)
        if len(calls) + amount > limit:
            return False
        calls.extend([self._now()] * amount)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return the time of the oldest call within expiry seconds, and the number of calls."""
        calls = self._recent(key, expiry)
        return (calls[0] if calls else self._now()), len(calls)

    def clear(self, key: str) -> None:
        """Delete the calls of a key."""
        self._calls.pop(key, None)

    def reset(self) -> int:
        """Delete all calls. Returns the number of keys."""
        keys = len(self._calls)
        self._calls.clear()
        return keys

    def check(self) -> bool:
        """Whether the storage works."""
        return True

    @property
    def base_exceptions(self) -> type[Exception]:
        """Errors that the storage raises."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Not used by moving windows."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Not used by moving windows."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Not used by moving windows."""
        raise NotImplementedError

    def _recent(self, key: str, expiry: int) -> deque[float]:
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= self._now() - expiry:
            calls.popleft()
        return calls


class Limiter:
    """Decides whether a key may make another call; this one allows all. A context manager, entered while in use."""

    async def __aenter__(self) -> Self:
        """Start what it needs."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop what it started."""

    @property
    def is_up(self) -> bool | None:
        """Whether limits are shared with other servers at present; None if they never are."""
        return None

    async def admit(self, key: str) -> None:
        """Count one call of the key. Raises ApiError and counts nothing if that exceeds a limit."""

    def change(self, rates: str | None) -> None:
        """Use other limits from now on; None for no limit. Calls already counted count only for unchanged limits."""


class RateLimit(Limiter):
    """Limits the calls of each key within a moving window.

    rates: such as `60/minute;1000/day`; None for no limit. storage: where calls are counted; it must use the same clock
    as `now`.
    """

    def __init__(self, rates: str | None, storage: Storage, now: Callable[[], float]) -> None:
        self._rates = distinct(rates)
        self._limiter = MovingWindowRateLimiter(storage)
        self._now = now

    async def admit(self, key: str) -> None:
        """See Limiter."""
        self.count(key)

    def change(self, rates: str | None) -> None:
        """See Limiter."""
        self._rates = distinct(rates)

    def count(self, key: str) -> None:
        """Count one call of the key. Raises ApiError and counts nothing if that exceeds a limit."""
        exceeded = [rate for rate in self._rates if not self._limiter.test(rate, key)]
        if exceeded:
            raise too_often({rate: self._reset(rate, key) - self._now() for rate in exceeded})
        self.note(key)

    def note(self, key: str) -> None:
        """Count a call that was already admitted, as far as the limits allow."""
        for rate in self._rates:
            self._limiter.hit(rate, key)

    def _reset(self, rate: RateLimitItem, key: str) -> float:
        return self._limiter.get_window_stats(rate, key).reset_time


def distinct(rates: str | None) -> list[RateLimitItem]:
    """Return the rates without duplicates: a duplicate must not count twice."""
    return list(dict.fromkeys(parse_many(rates))) if rates else []


def too_often(waits: Mapping[RateLimitItem, float]) -> ApiError:
    """Return the error for a key that reached limits. waits: seconds until each limit allows a call again."""
    last = max(waits, key=lambda rate: waits[rate])
    # If clocks differ or were changed, the difference may be longer than a whole window.
    seconds = min(max(1, math.ceil(waits[last])), last.get_expiry())
    return ApiError(
        Code.EXCEEDING_LIMITS,
        f"The key may call {last.amount} times in {last.multiples} {last.GRANULARITY.name}, try again in {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )
