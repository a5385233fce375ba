"""Admit or refuse a call: by its key, its rate, and the resources that it will need."""

from image_erase.access.keys import Keys
from image_erase.access.rates import Limiter
from image_erase.contract.errors import ApiError, Code
from image_erase.jobs.pool import Pool, PoolFull
from image_erase.shares import Shares

# How long a client is asked to wait until some of its answers have been read, in seconds.
_UNREAD_SECONDS = 5


class Admission:
    """Checks that every job request has to pass before its body is read.

    answers: the memory for results that have not been sent yet. rate_limit: of each key.
    """

    def __init__(self, keys: Keys, pool: Pool, answers: Shares, rate_limit: Limiter) -> None:
        self._keys, self._pool, self._answers, self._rate_limit = keys, pool, answers, rate_limit

    async def admit(self, presented: str | None) -> str:
        """Admit a call and count it. presented: the key in the request.

        Returns a name for the key that does not reveal it. Raises ApiError.
        """
        key = self._keys.check(presented)
        try:
            await self._pool.admit(key)
        except PoolFull as full:
            raise busy(full.retry_after) from None
        if not self._answers.has_room(key):
            raise unread()
        await self._rate_limit.admit(key)
        return key


def busy(seconds: int) -> ApiError:
    """Return the error for a call when the queue is full. seconds: until there is probably room."""
    return _too_many(f"The server is busy, try again in {seconds} s.", seconds)


def unread() -> ApiError:
    """Return the error for a call whose result would not fit in memory beside results that were not read yet."""
    message = f"Too many results are waiting to be read by their clients, try again in {_UNREAD_SECONDS} s."
    return _too_many(message, _UNREAD_SECONDS)


def _too_many(message: str, seconds: int) -> ApiError:
    return ApiError(Code.EXCEEDING_LIMITS, message, headers={"Retry-After": str(seconds)})
