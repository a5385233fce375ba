"""Background tasks: failures are logged and counted, the task is restarted, and nothing else ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from image_erase.metrics import Metrics
from image_erase.results.store import StoreError
from image_erase.supervision import LONGEST_PAUSE_SECONDS, SETTLED_SECONDS, Supervisor, describe
from support.clocks import PassingTime

Main = Callable[[Supervisor, PassingTime], Coroutine[Any, Any, None]]


def supervised(main: Main, stop_seconds: float = 60) -> None:
    """Run a test with a supervisor whose time passes by itself. stop_seconds: see Supervisor."""

    async def bounded() -> None:
        time = PassingTime()
        async with asyncio.timeout(60):
            await main(Supervisor(sleep=time.sleep, monotonic=time.monotonic, stop_seconds=stop_seconds), time)

    asyncio.run(bounded())


class Flaky:
    """A task that fails so many times, and then does what it is given."""

    def __init__(
        self, failures: int, then: Callable[[], Awaitable[object]], error: BaseException | None = None
    ) -> None:
        self.left, self.then, self.error, self.calls = failures, then, error or ValueError("no"), 0

    async def __call__(self) -> None:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        await self.then()


async def forever() -> None:
    await asyncio.Event().wait()


async def at_once() -> None:
    pass


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no"),
        ExceptionGroup("several", [StoreError("a"), StoreError("b")]),
        asyncio.CancelledError(),
        TimeoutError(),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_ends_a_task_it_is_started_again(error: BaseException) -> None:
    async def main(supervisor: Supervisor, time: PassingTime) -> None:
        flaky, done = Flaky(3, at_once, error), asyncio.Event()
        supervisor.add("flaky", flaky)
        supervisor.add("other", done.wait)
        async with supervisor:
            await time.until(lambda: flaky.calls == 4)
            done.set()
        assert supervisor.failing == ()

    supervised(main)


def test_pauses_grow_to_a_bound() -> None:
    async def main(supervisor: Supervisor, time: PassingTime) -> None:
        supervisor.add("flaky", Flaky(20, at_once))
        async with supervisor:
            await time.until(lambda: len(time.slept) == 20 and not supervisor.failing)
        assert time.slept[:7] == [1, 2, 4, 8, 16, 32, 60]
        assert set(time.slept[7:]) == {LONGEST_PAUSE_SECONDS}

    supervised(main)


def test_what_has_run_for_long_starts_from_the_shortest_pause() -> None:
    async def main(supervisor: Supervisor, time: PassingTime) -> None:
        starts = 0

        async def run() -> None:
            nonlocal starts
            starts += 1
            if starts == 4:
                await time.sleep(SETTLED_SECONDS)
            if starts == 6:
                await forever()
            raise ValueError

        supervisor.add("task", run)
        async with supervisor:
            await time.until(lambda: starts == 6)
        assert time.slept == [1, 2, 4, SETTLED_SECONDS, 1, 2]

    supervised(main)


def test_fails_until_it_has_run_for_a_while() -> None:
    async def main(supervisor: Supervisor, time: PassingTime) -> None:
        flaky = Flaky(1, forever)
        supervisor.add("task", flaky)
        supervisor.add("other", forever)
        async with supervisor:
            await time.until(lambda: flaky.calls == 2)
            assert supervisor.failing == ("task",)
            time.now += SETTLED_SECONDS - 1
            assert supervisor.failing == ("task",)
            time.now += 1
            assert not supervisor.failing

    supervised(main)


def test_what_returns_is_done() -> None:
    async def main(supervisor: Supervisor, time: PassingTime) -> None:
        once = Flaky(0, at_once)
        supervisor.add("once", once)
        async with supervisor:
            await time.until(lambda: once.calls)
            await asyncio.sleep(0)
        assert (once.calls, time.slept, supervisor.failing) == (1, [], ())

    supervised(main)


class TestRepeated:
    def test_is_called_at_its_interval(self) -> None:
        async def main(supervisor: Supervisor, time: PassingTime) -> None:
            calls: list[float] = []

            async def run() -> None:
                calls.append(time.now)

            supervisor.every("task", 30, run, delay=5)
            async with supervisor:
                await time.until(lambda: len(calls) > 3)
            assert calls[:3] == [1005, 1035, 1065]

        supervised(main)

    def test_fails_until_it_succeeds(self) -> None:
        async def main(supervisor: Supervisor, time: PassingTime) -> None:
            failing: list[tuple[str, ...]] = []

            async def look() -> None:
                failing.append(supervisor.failing)

            supervisor.every("task", 3600, Flaky(2, look), delay=7)
            async with supervisor:
                await time.until(lambda: len(failing) >= 2)
            assert failing[:2] == [("task",), ()]
            assert time.slept[:4] == [7, 1, 2, 3600], "the first delay is for the first start only"

        supervised(main)


class TestStopping:
    def test_ends_what_runs_and_what_pauses(self) -> None:
        async def main(supervisor: Supervisor, time: PassingTime) -> None:
            ended: list[str] = []

            async def run() -> None:
                try:
                    await forever()
                finally:
                    ended.append("running")

            async def pause(_: float) -> None:
                await run()

            pausing = Supervisor(sleep=pause)
            pausing.add("running", run)
            pausing.add("failing", Flaky(1, at_once))
            async with pausing:
                await time.until(lambda: pausing.failing)
            assert ended == ["running", "running"]
            assert asyncio.all_tasks() == {asyncio.current_task()}

        supervised(main)

    def test_waits_no_longer_than_it_must(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main(supervisor: Supervisor, time: PassingTime) -> None:
            end, cancelled = asyncio.Event(), asyncio.Event()

            async def stubborn() -> None:
                while not end.is_set():
                    try:
                        await end.wait()
                    except asyncio.CancelledError:
                        cancelled.set()

            supervisor.add("stubborn", stubborn)
            async with supervisor:
                await asyncio.sleep(0)
            assert cancelled.is_set()
            end.set()
            await time.until(lambda: len(asyncio.all_tasks()) == 1)

        supervised(main, stop_seconds=0.01)
        assert "background task does not stop" in caplog.messages


def test_what_is_added_later_runs_too() -> None:
    async def main(supervisor: Supervisor, time: PassingTime) -> None:
        late = Flaky(0, at_once)
        async with supervisor:
            supervisor.add("late", late)
            await time.until(lambda: late.calls)

    supervised(main)


def test_a_name_is_given_once() -> None:
    supervisor = Supervisor()
    supervisor.add("task", forever)
    with pytest.raises(ValueError, match="task"):
        supervisor.add("task", at_once)


def test_every_failure_is_counted_and_few_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    metrics, time = Metrics(), PassingTime()
    caplog.set_level(logging.INFO)

    async def main() -> None:
        supervisor = Supervisor(metrics, time.sleep, time.monotonic)
        supervisor.add("task", Flaky(1000, at_once, StoreError("it is away")))
        async with supervisor, asyncio.timeout(60):
            await time.until(lambda: len(time.slept) == 1000 and not supervisor.failing)

    asyncio.run(main())
    assert b'image_erase_task_failures_total{task="task"} 1000.0' in metrics.text()
    lines = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(lines) == 10
    first = lines[0]
    assert (first.task, first.failures, first.reason) == ("task", 1, "StoreError: it is away")  # type: ignore[attr-defined]
    assert first.at.startswith("test_supervision.py:")  # type: ignore[attr-defined]
    assert caplog.messages[-1] == "background task recovered"


def test_another_reason_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main(supervisor: Supervisor, time: PassingTime) -> None:
        flaky = Flaky(7, at_once)
        supervisor.add("task", flaky)
        async with supervisor:
            await time.until(lambda: flaky.left == 2)
            flaky.error = KeyError("key")
            await time.until(lambda: not flaky.left)

    supervised(main)
    assert [record.reason for record in caplog.records].count("KeyError") >= 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (StoreError("it is full\nand more"), "StoreError: it is full"),
        (ValueError("https://user:secret@host"), "ValueError"),
        (
            FileNotFoundError(2, "No such file or directory", "/secret/path"),
            "FileNotFoundError: No such file or directory",
        ),
        (ExceptionGroup("x", [StoreError("a"), StoreError("a"), KeyError("b")]), "3 errors: KeyError; StoreError: a"),
        (asyncio.CancelledError(), "CancelledError"),
    ],
)
def test_an_error_in_one_line(error: BaseException, text: str) -> None:
    assert describe(error) == text
