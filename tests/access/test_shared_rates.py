"""Rate limits that servers share through Redis, also when Redis is unreachable."""

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import httpx
import pytest

from image_erase.access import shared_rates
from image_erase.access.rates import RateLimit, WindowMemory
from image_erase.access.shared_rates import RedisTimeouts, SharedRateLimit
from image_erase.access.shared_windows import PREFIX, SharedRates, SharedWindows
from image_erase.contract.errors import ApiError, Code
from support.documents import page
from support.envelope import assert_failure, assert_success
from support.processes import until
from support.redis import PASSWORD, RedisServer
from support.server import KEY, PATH, Server, StartServer, TestClock

GONE = "rate limits are not shared: store unreachable"
BACK = "rate limits are shared again"
# On a busy machine, a test in which the storage should answer may have to wait for it.
PATIENT = RedisTimeouts(call=10.0)


@pytest.fixture(autouse=True)
def _hears_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of the storage."""
    return [record.message for record in caplog.records if record.name == shared_rates.__name__]


async def retry_after(limited: SharedRates | SharedRateLimit, key: str = "a") -> int:
    with pytest.raises(ApiError) as caught:
        await (limited.count(key) if isinstance(limited, SharedRates) else limited.admit(key))
    assert caught.value.code is Code.EXCEEDING_LIMITS
    return int(caught.value.headers["Retry-After"])


class TestCounting:
    """In the storage itself."""

    @asynccontextmanager
    async def copies(self, redis: RedisServer, rates: str) -> AsyncIterator[tuple[SharedRates, SharedRates]]:
        one, other = (SharedRates(rates, SharedWindows(redis.url, PATIENT.call)) for _ in range(2))
        try:
            yield one, other
        finally:
            await one.close()
            await other.close()

    def test_so_many_calls_in_all_and_no_more(self, redis_server: RedisServer) -> None:
        async def call() -> None:
            async with self.copies(redis_server, "3/minute") as (one, other):
                await one.count("a")
                await other.count("a")
                await one.count("a")
                assert await retry_after(one) == await retry_after(other) == 60
                await other.count("b")

        asyncio.run(call())

    def test_the_window_moves(self, redis_server: RedisServer) -> None:
        async def call() -> None:
            async with self.copies(redis_server, "2/hour") as (one, other):
                await one.count("a")
                redis_server.age(2000)
                await other.count("a")
                assert 1590 <= await retry_after(one) <= 1600
                redis_server.age(1600)
                await one.count("a")
                assert 1990 <= await retry_after(other) <= 2000

        asyncio.run(call())

    def test_a_call_that_one_limit_refuses_counts_for_none(self, redis_server: RedisServer) -> None:
        async def call() -> None:
            async with self.copies(redis_server, "3/day;1/minute") as (one, other):
                await one.count("a")
                for _ in range(10):
                    assert await retry_after(other) == 60
                assert [redis_server.client.llen(name) for name in redis_server.lists()] == [1, 1]
                for _ in range(2):
                    redis_server.age(60)
                    await other.count("a")
                redis_server.age(60)
                assert 86000 < await retry_after(one) <= 86220

        asyncio.run(call())

    def test_the_same_limit_twice_is_one(self, redis_server: RedisServer) -> None:
        async def call() -> None:
            async with self.copies(redis_server, "2/minute;2/minute") as (one, other):
                await one.count("a")
                await other.count("a")
                assert await retry_after(one) == 60

        asyncio.run(call())

    def test_all_at_once(self, redis_server: RedisServer) -> None:
        async def call() -> None:
            async with self.copies(redis_server, "10/hour;12/day") as copies:
                calls = (copies[number % 2].count("a") for number in range(50))
                outcomes = await asyncio.gather(*calls, return_exceptions=True)
                assert outcomes.count(None) == 10
                assert {type(outcome) for outcome in outcomes} == {type(None), ApiError}
            assert [redis_server.client.llen(name) for name in redis_server.lists()] == [10, 10]

        asyncio.run(call())

    def test_what_is_kept_is_bounded_and_ends_by_itself(self, redis_server: RedisServer) -> None:
        async def call() -> None:
            async with self.copies(redis_server, "5/minute;7/2 hours") as (one, other):
                await one.check()
                for _ in range(20):
                    await other.count("a")
                    redis_server.age(2000)
            ends = {name: redis_server.client.ttl(name) for name in redis_server.client.keys("*")}
            lengths = [redis_server.client.llen(name) for name in redis_server.lists()]
            assert lengths == [5, 7]
            assert all(str(name).startswith(f"{PREFIX}:") for name in ends)
            assert all(1 <= ends[name] <= 7200 for name in redis_server.lists()), ends
            assert ends.get(f"{PREFIX}:tried", 1) <= 1

        asyncio.run(call())

    def test_the_documented_commands_are_enough(self, redis_server: RedisServer) -> None:
        documented = page("docs/operating.md").partition("A Redis user needs the commands")[2]
        commands = re.findall(r"`([A-Z ]+)`", documented)[:8]
        assert commands[-1] == "SCRIPT LOAD"
        allowed = [f"+{command.lower().replace(' ', '|')}" for command in commands]
        redis_server.command("ACL", "SETUSER", "limits", "on", ">word", f"~{PREFIX}:*", *allowed)

        async def call() -> None:
            limited = SharedRates("1/minute", SharedWindows(redis_server.url.replace(f":{PASSWORD}", "limits:word")))
            try:
                await limited.check()
                await limited.count("a")
                assert await retry_after(limited) == 60
            finally:
                await limited.close()

        asyncio.run(call())

    @pytest.mark.parametrize(
        "url",
        [
            "redis://host:99999",
            "redis://host?no_such_option=1",
            "unix:///socket?host=x",
            "rediss://host?ssl_cert_reqs=perhaps",
            "http://host",
        ],
    )
    def test_a_url_that_cannot_be_followed_is_not_told(self, url: str) -> None:
        with pytest.raises(ValueError, match="not supported") as caught:
            SharedWindows(url)
        assert url not in str(caught.value)

    @pytest.mark.parametrize("scheme", ["redis", "rediss", "valkey", "valkeys"])
    def test_a_url_that_can(self, scheme: str) -> None:
        SharedWindows(f"{scheme}://user:pass%2Fword@[::1]:6380/3")


class Fake:
    """A shared counter that the test controls."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.hangs = False
        self.asked = 0
        self.trials: asyncio.Queue[None] = asyncio.Queue()
        self.is_closed = False

    async def count(self, _: str) -> None:
        self.asked += 1
        await self._answer()

    def change(self, _: str | None) -> None:
        pass

    async def check(self) -> None:
        self.trials.put_nowait(None)
        await self._answer()

    async def close(self) -> None:
        self.is_closed = True
        raise ConnectionError

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure:
            raise self.failure


class TestFallingBack:
    """Without Redis, with the test's clock."""

    @pytest.fixture
    def shared(self) -> Fake:
        return Fake()

    @pytest.fixture
    def ticks(self) -> "asyncio.Queue[None]":
        return asyncio.Queue()

    def limited(
        self, shared: Fake, ticks: "asyncio.Queue[None]", rates: str = "3/minute", timeouts: RedisTimeouts = PATIENT
    ) -> SharedRateLimit:
        clock = TestClock()
        return SharedRateLimit(shared, RateLimit(rates, WindowMemory(clock), clock), timeouts, lambda _: ticks.get())

    @staticmethod
    async def tick(shared: Fake, ticks: "asyncio.Queue[None]") -> None:
        """Let the pause pass, and the storage be tried."""
        while not shared.trials.empty():
            shared.trials.get_nowait()
        ticks.put_nowait(None)
        await shared.trials.get()

    @pytest.mark.parametrize("failure", [ConnectionError(PASSWORD), TimeoutError(PASSWORD), ValueError(PASSWORD)])
    def test_goes_on_alone(
        self, shared: Fake, ticks: "asyncio.Queue[None]", caplog: pytest.LogCaptureFixture, failure: Exception
    ) -> None:
        async def call() -> None:
            async with self.limited(shared, ticks) as limited:
                await limited.admit("a")
                shared.failure = failure
                await limited.admit("a")
                await limited.admit("a")
                assert not limited.is_up
                # The call from before counts as well.
                assert await retry_after(limited) == 60
                assert shared.asked == 2

        asyncio.run(call())
        assert told(caplog) == [GONE]
        assert PASSWORD not in caplog.text
        assert type(failure).__name__ in str([vars(record) for record in caplog.records])
        assert shared.is_closed

    def test_comes_back(self, shared: Fake, ticks: "asyncio.Queue[None]", caplog: pytest.LogCaptureFixture) -> None:
        async def call() -> None:
            async with self.limited(shared, ticks, "100/minute") as limited:
                shared.failure = ConnectionError()
                for _ in range(3):
                    await limited.admit("a")
                    await self.tick(shared, ticks)
                assert shared.asked == 1
                shared.failure = None
                await self.tick(shared, ticks)
                assert limited.is_up
                await limited.admit("a")
                assert shared.asked == 2
                shared.failure = ConnectionError()
                await limited.admit("a")

        asyncio.run(call())
        assert told(caplog) == [GONE, BACK, GONE]

    def test_gone_from_the_start(
        self, shared: Fake, ticks: "asyncio.Queue[None]", caplog: pytest.LogCaptureFixture
    ) -> None:
        async def call() -> None:
            shared.failure = ConnectionError()
            async with self.limited(shared, ticks) as limited:
                assert told(caplog) == [GONE]
                await limited.admit("a")
                assert shared.asked == 0

        asyncio.run(call())

    def test_all_calls_under_way_are_one_warning(
        self, shared: Fake, ticks: "asyncio.Queue[None]", caplog: pytest.LogCaptureFixture
    ) -> None:
        async def call() -> None:
            async with self.limited(shared, ticks, "15/minute", RedisTimeouts(call=0.05)) as limited:
                shared.hangs = True
                outcomes = await asyncio.gather(*(limited.admit("a") for _ in range(20)), return_exceptions=True)
                assert outcomes.count(None) == 15
                assert shared.asked == 20

        asyncio.run(asyncio.wait_for(call(), 10))
        assert told(caplog) == [GONE]

    def test_a_refusal_is_no_failure(
        self, shared: Fake, ticks: "asyncio.Queue[None]", caplog: pytest.LogCaptureFixture
    ) -> None:
        async def call() -> None:
            async with self.limited(shared, ticks, "1/minute") as limited:
                shared.failure = ApiError(Code.EXCEEDING_LIMITS, "", headers={"Retry-After": "7"})
                assert await retry_after(limited) == 7
                assert limited.is_up
                shared.failure = ConnectionError()
                # What others refused is not this server's to count.
                await limited.admit("a")

        asyncio.run(call())
        assert told(caplog) == [GONE]


def call(server: Server, key: str = KEY) -> httpx.Response:
    """Make a call that is counted and needs no worker."""
    return server.client.request("POST", PATH, content=b"", key=key)


def passes(server: Server) -> bool:
    answer = call(server)
    assert_failure(answer, "ERROR_PARAMETERS" if answer.status_code != 429 else "EXCEEDING_LIMITS")
    return answer.status_code != 429


Start = Callable[..., Server]


class TestServed:
    @pytest.fixture
    def start(self, start_server: StartServer, redis_server: RedisServer) -> Start:
        def started(rate_limit: str, call_seconds: float = PATIENT.call) -> Server:
            redis = RedisTimeouts(call_seconds, pause=0.05)
            return start_server(rate_limit=rate_limit, rate_limit_url=redis_server.url, metrics=True, redis=redis)

        return started

    @staticmethod
    def is_shared(server: Server) -> bool:
        return "image_erase_rate_limit_storage_up 1.0" in server.client.get("/metrics").text

    def test_two_servers_count_together(
        self, start: Start, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        one, other = start("2/hour"), start("2/hour")
        assert_success(one.client.erase(), one.base)
        assert_success(other.client.erase(), other.base)
        for server in (one, other):
            refused = server.client.erase()
            assert_failure(refused, "EXCEEDING_LIMITS", "2 times in 1 hour")
            assert 3500 <= int(refused.headers["retry-after"]) <= 3600
        (name,) = redis_server.lists()
        assert KEY not in name
        assert hashlib.sha256(KEY.encode()).hexdigest() in name
        redis_server.age(3600)
        assert passes(other)
        assert told(caplog) == []
        assert not any(PASSWORD in str(vars(record)) for record in caplog.records)

    def test_fifty_at_once(self, start: Start) -> None:
        servers = start("10/hour"), start("10/hour")
        with ThreadPoolExecutor(50) as pool:
            passed = list(pool.map(passes, servers * 25))
        assert passed.count(True) == 10

    @pytest.mark.hostile
    def test_killed_and_started_again(
        self, start: Start, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        one, other = start("3/hour"), start("3/hour")
        assert passes(one)
        assert self.is_shared(one)
        redis_server.kill()
        assert [passes(one) for _ in range(3)] == [True, True, False]
        assert not self.is_shared(one)
        assert one.client.get("/readyz").status_code == 200
        assert [passes(other) for _ in range(4)] == [True, True, True, False]
        assert told(caplog) == [GONE, GONE]
        redis_server.start()
        until(lambda: self.is_shared(one) and self.is_shared(other), "both share again")
        assert [passes(one), passes(other), passes(one), passes(other)] == [True, True, True, False]
        assert told(caplog) == [GONE, GONE, BACK, BACK]
        assert not any(PASSWORD in str(vars(record)) for record in caplog.records)

    @pytest.mark.hostile
    def test_one_that_stands_still_holds_up_nobody_for_long(
        self, start: Start, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = start("8/hour", RedisTimeouts().call)
        until(lambda: self.is_shared(server), "it is shared")
        caplog.clear()
        redis_server.stop()
        with ThreadPoolExecutor(16) as pool:
            passed = list(pool.map(passes, [server] * 16))
        assert passed.count(True) == 8
        assert told(caplog)[0] == GONE
        redis_server.go_on()
        until(lambda: self.is_shared(server), "it is shared again")
