"""Results per second that a storage can put, list and sweep.

python -m bench.sweeping STORAGE_URL [RESULTS] [KILOBYTES]

STORAGE_URL as in ERASE_STORAGE_URL; what a bucket needs is read from the environment as the server reads it. Use an
empty one: all that has expired in it is swept.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from image_erase.results.failures import Failures
from image_erase.results.location import open_store
from image_erase.results.names import ResultName
from image_erase.results.sweeper import Sweeper

AT_ONCE = 16


async def each(act: Callable[[ResultName], Awaitable[object]], names: Sequence[ResultName], at_once: int) -> float:
    """Do it for all the names, so many at a time. Returns the seconds that it took."""
    free = asyncio.Semaphore(at_once)

    async def one(name: ResultName) -> None:
        async with free:
            await act(name)

    started = time.perf_counter()
    await asyncio.gather(*(one(name) for name in names))
    return time.perf_counter() - started


async def measure(url: str, count: int, size: int) -> None:
    """Measure and print."""
    store, data, now = open_store(url), bytes(size), time.time()
    expiring = [ResultName.new("jpg", now - 90000, 86400) for _ in range(count)]
    seconds = await each(lambda name: store.put(name, data), expiring, AT_ONCE)
    print(f"put, {AT_ONCE} at a time: {count / seconds:.0f}/s")
    started = time.perf_counter()
    listed = [name async for name in store.expired(now, Failures())]
    print(f"list what has expired: {len(listed) / (time.perf_counter() - started):.0f}/s")
    started = time.perf_counter()
    deleted = await Sweeper(store, lambda: now).sweep()
    print(f"sweep: {deleted / (time.perf_counter() - started):.0f}/s")


if __name__ == "__main__":
    _, where, *numbers = sys.argv
    results, kilobytes = (int(number) for number in [*numbers, "5000", "100"][:2]) if numbers else (5000, 100)
    asyncio.run(measure(where, results, kilobytes << 10))
