"""Rate limits per key."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_erase.access.rates import RateLimit, WindowMemory
from image_erase.contract.errors import ApiError, Code
from support.envelope import assert_failure, assert_success
from support.processes import until
from support.raw import connected, head_of, read_answer
from support.server import KEY, PATH, Server, StartServer, TestClock, continue_workers


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


def limit(rates: str, clock: TestClock) -> RateLimit:
    return RateLimit(rates, WindowMemory(clock), clock)


def retry_after(limited: RateLimit, key: str = "a") -> int:
    with pytest.raises(ApiError) as caught:
        limited.count(key)
    assert caught.value.code is Code.EXCEEDING_LIMITS
    return int(caught.value.headers["Retry-After"])


def test_so_many_calls_and_no_more(clock: TestClock) -> None:
    limited = limit("3/minute", clock)
    for _ in range(3):
        limited.count("a")
    assert retry_after(limited) == 60
    limited.count("b")


def test_the_window_moves(clock: TestClock) -> None:
    limited = limit("2/minute", clock)
    limited.count("a")
    clock.now += 40
    limited.count("a")
    assert retry_after(limited) == 20
    clock.now += 20
    limited.count("a")
    assert retry_after(limited) == 40


def test_refused_calls_count_for_nothing(clock: TestClock) -> None:
    limited = limit("1/minute;2/hour", clock)
    limited.count("a")
    for _ in range(100):
        assert retry_after(limited) == 60
    clock.now += 60
    limited.count("a")
    assert retry_after(limited) == 3540


def test_the_same_limit_twice_is_one(clock: TestClock) -> None:
    limited = limit("2/minute;2/minute", clock)
    limited.count("a")
    limited.count("a")
    assert retry_after(limited) == 60


def test_memory_is_bounded_by_the_limit(clock: TestClock) -> None:
    memory = WindowMemory(clock)
    limited = RateLimit("5/second", memory, clock)
    for _ in range(1000):
        limited.count("a")
        clock.now += 0.25
    assert len(memory._calls) == 1
    assert len(memory._calls.popitem()[1]) <= 5


@given(st.lists(st.floats(0, 30, allow_nan=False), max_size=60), st.integers(1, 5), st.integers(1, 60))
def test_no_window_holds_more_and_the_promise_is_kept(pauses: list[float], amount: int, seconds: int) -> None:
    clock = TestClock()
    limited = limit(f"{amount}/{seconds} seconds", clock)
    passed = []
    for pause in pauses:
        clock.now += pause
        try:
            limited.count("a")
        except ApiError as refused:
            wait = int(refused.headers["Retry-After"])
            assert 1 <= wait <= seconds
            clock.now += wait
            limited.count("a")
        passed.append(clock.now)
    for first, last in itertools.pairwise(passed[::amount]):
        assert last - first >= seconds - 1e-6


class TestServed:
    def test_off_by_default(self, server: Server) -> None:
        assert {server.client.erase().status_code for _ in range(5)} == {200}

    def test_over_the_limit(self, start_server: StartServer) -> None:
        own: Server = start_server(rate_limit="2/hour", api_keys=(KEY, "another-key"))
        for _ in range(2):
            assert_success(own.client.erase(), own.base)
        refused = own.client.erase()
        assert_failure(refused, "EXCEEDING_LIMITS", "2 times in 1 hour")
        assert 3590 <= int(refused.headers["retry-after"]) <= 3600
        assert KEY not in refused.text
        assert_success(own.client.erase(key="another-key"), own.base)

    def test_before_the_body_is_sent(self, start_server: StartServer) -> None:
        own: Server = start_server(rate_limit="1/hour")
        assert_success(own.client.erase(), own.base)
        headers = {"Host": "x", "ailabapi-api-key": KEY, "Content-Length": "1000000"}
        with connected(own.client.address) as connection:
            connection.sendall(head_of(PATH, headers))
            assert_failure(read_answer(connection), "EXCEEDING_LIMITS")

    def test_calls_without_a_valid_key_count_for_nobody(self, start_server: StartServer) -> None:
        own: Server = start_server(rate_limit="1/hour")
        for _ in range(3):
            assert_failure(own.client.erase(key="unknown"), "ERROR_APPLICATIONS_NOT_EXISTS")
            assert_failure(own.client.erase(key=None), "ERROR_USER_NOT_EXISTS")
        assert own.client.get("/readyz").status_code == 200
        assert_success(own.client.erase(), own.base)

    def test_a_bad_call_counts(self, start_server: StartServer) -> None:
        own: Server = start_server(rate_limit="1/hour")
        assert_failure(own.client.request("POST", PATH, content=b""), "ERROR_PARAMETERS")
        assert_failure(own.client.erase(), "EXCEEDING_LIMITS")

    def test_a_call_that_the_full_queue_refuses_counts_for_nothing(self, start_server: StartServer) -> None:
        own: Server = start_server(rate_limit="2/hour", queue=0, metrics=True)
        stopped = own.stop_workers()
        taken = own.client.start_erase()
        until(lambda: "image_erase_jobs_running 1.0" in own.client.get("/metrics").text, "the job is taken")
        assert_failure(own.client.erase(), "EXCEEDING_LIMITS", "busy")
        continue_workers(stopped)
        assert_success(taken.result(), own.base)
        assert_success(own.client.erase(), own.base)
