"""Times of recent calls in Redis or Valkey, through which several servers count together."""

import re
from typing import Any

from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from image_erase.access.rates import distinct, too_often
from image_erase.access.shared_rates import DEFAULT_TIMEOUTS

#: Prefix of all names in Redis.
PREFIX = "image-erase"
_CONNECTIONS = 8
# Atomic, by the clock of Redis; the library's own script supports one limit only. KEYS: a list of times per limit,
# newest first. ARGV: calls and seconds of each limit. Returns nothing, or for each limit the seconds until a call is
# allowed again.
_ACQUIRE_ALL = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local waits, refused = {}, false
for i, key in ipairs(KEYS) do
    local calls, seconds = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    local oldest = redis.call('LINDEX', key, calls - 1)
    local wait = oldest and tonumber(oldest) + seconds - now or 0
    refused = refused or wait > 0
    waits[i] = tostring(wait)
end
if refused then
    return waits
end
for i, key in ipairs(KEYS) do
    redis.call('LPUSH', key, string.format('%.6f', now))
    redis.call('LTRIM', key, 0, ARGV[2 * i - 1] - 1)
    redis.call('EXPIRE', key, ARGV[2 * i])
end
return {}
"""


class SharedWindows(RedisStorage):
    """The library's storage with few connections, which can count for several limits at once."""

    STORAGE_SCHEME = None  # type: ignore[assignment]

    def __init__(self, url: str, seconds: float = DEFAULT_TIMEOUTS.call) -> None:
        """url: redis://, rediss:// or unix://, or valkey:// and valkeys:// for the first two. seconds: for a command.

        Raises ValueError without the URL in its message if the client does not support it.
        """
        self._pool = _connections(url, seconds)
        options: dict[str, Any] = {"connection_pool": self._pool}
        super().__init__("redis://", implementation="redispy", key_prefix=PREFIX, **options)
        connection: Any = self.bridge
        self._acquire_all = connection.get_connection().register_script(_ACQUIRE_ALL)

    async def acquire_all(self, rates: list[RateLimitItem], key: str) -> dict[RateLimitItem, float]:
        """Count a call for all limits, or for none. Returns the seconds until reached limits allow a call again."""
        names = [self.bridge.prefixed_key(rate.key_for(key)) for rate in rates]
        numbers = [number for rate in rates for number in (rate.amount, rate.get_expiry())]
        waits = await self._acquire_all(names, numbers)
        return {rate: float(wait) for rate, wait in zip(rates, waits, strict=False) if float(wait) > 0}

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.disconnect()


def _connections(url: str, seconds: float) -> BlockingConnectionPool:
    try:
        pool = BlockingConnectionPool.from_url(
            re.sub(r"^valkey", "redis", url),
            max_connections=_CONNECTIONS,
            timeout=seconds,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 0),  # a command that timed out may have been counted
            protocol=2,  # supported by every version
        )
        pool.make_connection()  # type: ignore[no-untyped-call]  # connects nothing, but refuses unknown options
    except (ValueError, TypeError, RedisError):
        raise ValueError("has a part or an option that is not supported") from None
    return pool


class SharedRates:
    """Limits the calls of each key over all servers that use the same Redis. rates: as in RateLimit."""

    def __init__(self, rates: str | None, storage: SharedWindows) -> None:
        self._rates = distinct(rates)
        self._storage = storage

    async def count(self, key: str) -> None:
        """Count one call of the key. Raises ApiError and counts nothing if that exceeds a limit.

        Raises any exception of the client if Redis fails.
        """
        if self._rates and (waits := await self._storage.acquire_all(self._rates, key)):
            raise too_often(waits)

    def change(self, rates: str | None) -> None:
        """Use other limits from now on."""
        self._rates = distinct(rates)

    async def check(self) -> None:
        """Write an entry that soon expires. Raises any exception of the client if that fails."""
        await self._storage.incr("tried", 1)

    async def close(self) -> None:
        """Close all connections."""
        await self._storage.close()
