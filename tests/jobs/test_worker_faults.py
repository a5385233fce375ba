"""Workers that fail in every way, and jobs that are cancelled at every stage: the pool recovers from all.

The workers are scripts that misbehave for real (support/fake_worker.py), so a whole life of one takes a tenth of a
second.
"""

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from image_erase.jobs import worker_pipes
from image_erase.jobs.frames import Frame, FrameDecoder
from image_erase.jobs.messages import Done
from image_erase.jobs.options import JobOptions
from image_erase.jobs.pool import Answer, JobCrashed, JobTimeout, Pool, PoolFull
from image_erase.jobs.process import WorkerDied, WorkerTimeouts
from image_erase.jobs.request import JobRequest
from support import fake_worker, processes
from support.processes import children_of, is_alive, open_files

pytestmark = pytest.mark.hostile
SHORT = WorkerTimeouts(start=40, idle=0.1, pong=1.0, end=5, restart=0.05)


@asynccontextmanager
async def running(
    behaviour: str = "", *, workers: int = 1, deadline_seconds: float = 20.0, program: Sequence[str] | None = None
) -> AsyncIterator[Pool]:
    """A pool of fake workers, that leaves no process, descriptor or task behind."""
    before = open_files(), children_of(os.getpid()), asyncio.all_tasks()
    command = program or fake_worker.command(behaviour)
    pool = Pool(
        JobOptions(), workers=workers, queue=8, deadline_seconds=deadline_seconds, program=command, timeouts=SHORT
    )
    try:
        await pool.start()
        yield pool
    finally:
        async with asyncio.timeout(60):
            await pool.stop()
            # Fewer than before are no fault: what earlier tests have left may end meanwhile.
            files, children, tasks = before
            await until(lambda: open_files() <= files and children_of(os.getpid()) <= children)
            await until(lambda: asyncio.all_tasks() == tasks)


async def until(condition: Callable[[], object], seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def workers() -> set[int]:
    """The fake workers of this process, which may have other children: servers that tests share."""
    return children_of(os.getpid()) & processes_of(fake_worker.__file__)


async def echo(pool: Pool, image: bytes = b"0.0") -> Answer:
    answer = await pool.run(JobRequest(), image, b"")
    assert isinstance(answer.outcome, Done)
    return answer


async def assert_works(pool: Pool) -> None:
    """Every worker is there and does jobs."""
    await until(lambda: pool.ready_workers == pool._workers)
    for _ in range(2 * pool._workers):
        assert isinstance((await echo(pool, b"0.01")).outcome, Done)


@pytest.mark.parametrize(
    ("when", "fault"),
    [
        *itertools.product(["job", "receive"], ["nonsense", "dies", "closes", "forks", "floods"]),
        ("receive", "unasked"),
    ],
)
def test_one_that_fails_over_a_job_is_ended_and_replaced(when: str, fault: str) -> None:
    async def main() -> None:
        # A job that was not begun goes to other workers, whose start takes its time on a busy machine; one that was
        # begun, or whose worker only falls silent, is ended at its deadline.
        seconds = 20 if when == "receive" and fault != "forks" else 3
        async with running(f"{when} {fault}", deadline_seconds=seconds) as pool:
            (pid,) = workers()
            # PoolFull where new workers start so slowly that no time for the job is left.
            with pytest.raises((JobCrashed, JobTimeout, PoolFull)):
                await echo(pool)
            await until(lambda: pool.ready_workers == 1 and pid not in workers())

    asyncio.run(main())


def test_one_that_answers_twice_is_ended_and_replaced() -> None:
    async def main() -> None:
        async with running("job unasked") as pool:
            (pid,) = workers()
            await echo(pool)
            await until(lambda: pool.ready_workers == 1 and pid not in workers())

    asyncio.run(main())


@pytest.mark.parametrize("fault", ["nonsense", "unasked", "dies", "closes", "floods"])
def test_one_that_fails_while_idle_is_ended_and_replaced(fault: str) -> None:
    async def main() -> None:
        async with running(f"idle {fault}") as pool:
            first = workers()
            await until(lambda: workers() and not workers() & first)
            assert pool.waiting == pool.running == 0

    asyncio.run(main())


def test_one_that_is_silent_counts_as_ready_only_until_it_is_asked() -> None:
    async def main() -> None:
        async with running() as pool:
            (pid,) = workers()
            os.kill(pid, signal.SIGSTOP)
            await until(lambda: pool.ready_workers == 0)
            await until(lambda: not is_alive(pid))
            await assert_works(pool)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("other version", "version"),
        ("start nonsense", "invalid message"),
        ("start unasked", "unexpected message"),
        ("start dies", "did not start"),
        ("start closes", "did not start"),
    ],
)
def test_one_that_does_not_start_well_stops_the_start_with_a_word(behaviour: str, reason: str) -> None:
    async def main() -> None:
        with pytest.raises(WorkerDied, match=reason):
            async with running(behaviour, workers=2):
                pass

    asyncio.run(main())


def test_one_may_be_ready_before_all_its_pipes_are_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is where the server is busy and the worker is not."""

    async def main() -> None:
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        connect, feed = loop.connect_write_pipe, worker_pipes._Messages.feed

        def noted(messages: worker_pipes._Messages, data: bytes) -> None:
            feed(messages, data)
            heard.set()

        async def late(*arguments: Any) -> Any:
            await asyncio.wait_for(heard.wait(), 60)
            return await connect(*arguments)

        monkeypatch.setattr(worker_pipes._Messages, "feed", noted)
        monkeypatch.setattr(loop, "connect_write_pipe", late)
        async with running() as pool:
            await assert_works(pool)

    asyncio.run(main())


def test_a_program_that_cannot_be_run_stops_the_start_with_a_word() -> None:
    async def main() -> None:
        with pytest.raises(WorkerDied, match="cannot be started"):
            async with running(program=("/no/such/program",)):
                pass

    asyncio.run(main())


def test_a_silent_start_is_given_up() -> None:
    async def main() -> None:
        pool = Pool(
            JobOptions(),
            workers=1,
            queue=0,
            deadline_seconds=5,
            program=fake_worker.command("start silent"),
            timeouts=WorkerTimeouts(start=0.3),
        )
        with pytest.raises(WorkerDied, match="not ready"):
            await pool.start()
        assert not workers()

    asyncio.run(main())


def test_what_a_dead_worker_has_started_is_ended_with_it() -> None:
    async def main() -> None:
        async with running("idle forks") as pool:
            await until(lambda: pool.ready_workers == 0)
            await until(lambda: len(processes_of(fake_worker.__file__)) <= 1)

    asyncio.run(main())
    # Killed is not ended yet, on a busy machine.
    processes.until(lambda: not processes_of(fake_worker.__file__), "all have ended")


def processes_of(script: str) -> set[int]:
    """The ids of all living processes that run a script."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if script.encode() in path.read_bytes() and is_alive(int(path.parent.name)):
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def cancel_within(decoder: FrameDecoder, size: int, job: asyncio.Task[Answer]) -> None:
    """Cancel a job as soon as more than that many bytes of its answer have arrived."""
    feed = decoder.feed

    def feed_and_look(data: bytes) -> Iterator[Frame]:
        yield from feed(data)
        if len(decoder._received) > size and not job.cancelling():
            job.cancel()

    decoder.feed = feed_and_look  # type: ignore[method-assign]


class TestLeaving:
    """A client that leaves, at any moment of its job."""

    async def _leave(self, pool: Pool, condition: Callable[[], object], image: bytes = b"600") -> None:
        job = asyncio.create_task(echo(pool, image))
        await until(condition)
        job.cancel()
        (left,) = await asyncio.gather(job, return_exceptions=True)
        assert isinstance(left, asyncio.CancelledError)

    def test_while_its_job_waits(self) -> None:
        async def main() -> None:
            async with running("slow") as pool:
                first = asyncio.create_task(echo(pool, b"0.3"))
                await until(lambda: pool.running == 1)
                pids = workers()
                await self._leave(pool, lambda: pool.waiting == 1)
                assert pool.waiting == 0
                await first
                assert workers() == pids

        asyncio.run(main())

    def test_while_its_job_is_written(self) -> None:
        async def main() -> None:
            async with running() as pool:
                (pid,) = workers()
                os.kill(pid, signal.SIGSTOP)
                await self._leave(pool, lambda: pool.running == 1, bytes(8 << 20))
                await assert_works(pool)
                assert pid not in workers()

        asyncio.run(main())

    def test_while_its_job_is_done(self) -> None:
        async def main() -> None:
            async with running("slow") as pool:
                await self._leave(pool, lambda: pool.running == 1)
                await assert_works(pool)

        asyncio.run(main())

    @pytest.mark.parametrize("behaviour", ["half", "large"])
    def test_while_megabytes_of_its_answer_are_in_the_pipe(self, behaviour: str) -> None:
        async def main() -> None:
            async with running(behaviour) as pool:
                for _ in range(3):
                    await until(lambda: pool.ready_workers == 1)
                    worker = pool._slots[0].worker
                    assert worker
                    job = asyncio.create_task(echo(pool, b"600"))
                    cancel_within(worker._pipes._messages._decoder, 2 << 20, job)
                    with pytest.raises(asyncio.CancelledError):
                        await job
                await until(lambda: pool.ready_workers == 1 and pool.running == 0)

        asyncio.run(main())

    def test_at_any_moment(self) -> None:
        async def main() -> None:
            async with running("large", workers=2) as pool:
                for number in range(60):
                    jobs = [asyncio.create_task(echo(pool)) for _ in range(3)]
                    await asyncio.sleep(number % 20 / 1000)
                    for job in jobs:
                        job.cancel()
                    await asyncio.gather(*jobs, return_exceptions=True)
                await assert_works(pool)

        asyncio.run(main())

    def test_while_the_pool_stops(self) -> None:
        async def main() -> None:
            async with running("slow", workers=2) as pool:
                jobs = [asyncio.create_task(echo(pool, b"600")) for _ in range(5)]
                await until(lambda: pool.waiting == 3)
                async with asyncio.timeout(60):
                    await pool.stop()
                outcomes = await asyncio.gather(*jobs, return_exceptions=True)
                assert {type(outcome) for outcome in outcomes} == {JobCrashed}

        asyncio.run(main())


def test_a_stop_that_is_cancelled_leaves_nothing_either() -> None:
    async def main() -> None:
        async with running("slow", workers=2) as pool:
            job = asyncio.create_task(echo(pool, b"600"))
            await until(lambda: pool.running == 1)
            stopping = asyncio.create_task(pool.stop())
            await asyncio.sleep(0)
            stopping.cancel()
            await asyncio.gather(stopping, job, return_exceptions=True)
            await until(lambda: not workers())

    asyncio.run(main())


def test_a_start_that_is_cancelled_leaves_nothing() -> None:
    async def main() -> None:
        before = open_files()
        for seconds in (0.0, 0.001, 0.02, 0.05):
            pool = Pool(
                JobOptions(),
                workers=3,
                queue=0,
                deadline_seconds=5,
                program=fake_worker.command("start silent"),
                timeouts=SHORT,
            )
            starting = asyncio.create_task(pool.start())
            await asyncio.sleep(seconds)
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await until(lambda: not workers())
        await until(lambda: open_files() == before)

    asyncio.run(main())


def test_a_start_that_fails_later_is_tried_again(tmp_path: Path) -> None:
    """The program is taken away, and comes back."""

    async def main() -> None:
        program = tmp_path / "python"
        program.symlink_to(sys.executable)
        async with running(program=(str(program), *fake_worker.command()[1:])) as pool:
            program.rename(tmp_path / "away")
            (pid,) = workers()
            os.kill(pid, signal.SIGKILL)
            await until(lambda: pool.ready_workers == 0)
            waiting = asyncio.create_task(echo(pool))
            await asyncio.sleep(0.2)
            (tmp_path / "away").rename(program)
            assert isinstance((await waiting).outcome, Done)

    asyncio.run(main())


def test_without_any_worker_jobs_are_turned_away_in_time(tmp_path: Path) -> None:
    async def main() -> None:
        program = tmp_path / "python"
        program.symlink_to(sys.executable)
        async with running(program=(str(program), *fake_worker.command()[1:]), deadline_seconds=1) as pool:
            program.unlink()
            (pid,) = workers()
            os.kill(pid, signal.SIGKILL)
            await until(lambda: pool.ready_workers == 0)
            with pytest.raises(PoolFull):
                await echo(pool)

    asyncio.run(main())
