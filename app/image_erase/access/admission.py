"""Whether a call may go on: its key, its rate, and the room that there is for what it will need."""

from image_erase.access.keys import Keys
from image_erase.access.rates import Limiter
from image_erase.contract.errors import ApiError, Code
from image_erase.jobs.pool import Pool, PoolFull
from image_erase.shares import Shares

# How long a client is asked to wait until some of its answers have been read, in seconds.
_UNREAD_SECONDS = 5


class Admission:
    """What every call that wants a job has to pass before its body is read.

    answers: the memory for results that have not been sent yet. rate_limit: None where there is none.
    """

    def __init__(self, keys: Keys, pool: Pool, answers: Shares, rate_limit: Limiter | None = None) -> None:
        self._keys, self._pool, self._answers, self._rate_limit = keys, pool, answers, rate_limit

    async def admit(self, presented: str | None) -> str:
        """Let a call in and count it. presented: the key that came with it.

        Returns a name for the key that does not give it away. Raises ApiError.
        """
        key = self._keys.check(presented)
        try:
            self._pool.refuse_when_full(key)
        except PoolFull as full:
            raise busy(full.retry_after) from None
        if not self._answers.has_room(key):
            raise unread()
        if self._rate_limit:
            await self._rate_limit.admit(key)
        return key


def busy(seconds: int) -> ApiError:
    """Return the error for a call that finds no room. seconds: until there is probably some."""
    return _too_many(f"The server is busy, try again in {seconds} s.", seconds)


def unread() -> ApiError:
    """Return the error for a call whose result would find no room beside those that clients have not read yet."""
    message = f"Too many results are waiting to be read by their clients, try again in {_UNREAD_SECONDS} s."
    return _too_many(message, _UNREAD_SECONDS)


def _too_many(message: str, seconds: int) -> ApiError:
    return ApiError(Code.EXCEEDING_LIMITS, message, headers={"Retry-After": str(seconds)})
