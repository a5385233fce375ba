"""The pool, with real worker processes: crashes, deadlines, a full queue, clients that go away."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from image_erase.jobs.job import warm_up_files
from image_erase.jobs.messages import Done, Failed, Failure
from image_erase.jobs.options import JobOptions
from image_erase.jobs.pool import Answer, JobCrashed, JobTimeout, Pool, PoolFull
from image_erase.jobs.process import WorkerDied, worker_environment
from image_erase.jobs.request import JobRequest
from support.pictures import slow_files
from support.processes import processor_ticks, workers_of

OPTIONS = JobOptions(engine="opencv")
FILES = warm_up_files()


@asynccontextmanager
async def running(
    workers: int = 1, queue: int = 4, deadline_seconds: float = 30, patience: tuple[float, float] = (0.1, 0.1)
) -> AsyncIterator[tuple[Pool, Callable[[], list[int]]]]:
    """A pool, and a function that lists its workers' process ids."""
    others = workers_of(os.getpid())
    pool = Pool(OPTIONS, workers=workers, queue=queue, deadline_seconds=deadline_seconds, patience=patience)
    await pool.start()
    try:
        yield pool, lambda: sorted(workers_of(os.getpid()) - others)
    finally:
        await pool.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def in_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())  # type: ignore[arg-type]

    run.__name__ = test.__name__
    return run


async def erase(pool: Pool, image: bytes = FILES[0], mask: bytes = FILES[1], **more: str) -> Answer:
    return await pool.run(JobRequest(), image, mask, **more)


def is_done(answer: Answer) -> bool:
    return isinstance(answer.outcome, Done) and answer.outcome.suffix == "jpg"


@in_loop
async def test_does_jobs_on_several_workers() -> None:
    async with running(workers=2, queue=10) as (pool, _):
        answers = await asyncio.gather(*(erase(pool) for _ in range(8)))
        assert all(is_done(answer) for answer in answers)
        assert len({bytes(answer.outcome.data) for answer in answers if isinstance(answer.outcome, Done)}) == 1
        assert (pool.waiting, pool.running) == (0, 0)


@in_loop
async def test_a_broken_file_costs_no_worker() -> None:
    async with running() as (pool, worker_pids):
        pids = worker_pids()
        answer = await erase(pool, b"hello")
        assert answer.outcome == Failed(
            Failure.UNSUPPORTED_FORMAT, "image", "The file is none of JPEG, PNG, BMP and WEBP."
        )
        assert worker_pids() == pids


@in_loop
async def test_a_failed_job_costs_no_worker() -> None:
    options = replace(OPTIONS, mask_dilate="splendid")  # type: ignore[arg-type]
    pool = Pool(options, workers=1, queue=0, deadline_seconds=30)
    await pool.start()
    try:
        answer = await erase(pool)
    finally:
        await pool.stop()
    assert isinstance(answer.outcome, Failed)
    assert (answer.outcome.failure, answer.outcome.detail) == (Failure.FAILED, "")


@in_loop
async def test_a_killed_worker_costs_its_job_only() -> None:
    async with running() as (pool, worker_pids):
        (pid,) = worker_pids()
        before = processor_ticks(pid)
        doomed = asyncio.create_task(erase(pool, *slow_files()))
        await until(lambda: processor_ticks(pid) > before + 10)
        waiting = asyncio.create_task(erase(pool))
        await until(lambda: pool.waiting == 1)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(JobCrashed):
            await doomed
        assert is_done(await waiting)
        assert pid not in worker_pids()
        assert pool.ready_workers == 1


@in_loop
async def test_a_job_that_was_not_begun_goes_to_another_worker() -> None:
    async with running() as (pool, worker_pids):
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGSTOP)
        job = asyncio.create_task(erase(pool))
        await until(lambda: pool.running == 1)
        os.kill(pid, signal.SIGKILL)
        assert is_done(await job)


@in_loop
async def test_a_worker_killed_while_idle_is_replaced_unnoticed() -> None:
    async with running() as (pool, worker_pids):
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGKILL)
        await until(lambda: pool.ready_workers == 0)
        assert is_done(await erase(pool))


@in_loop
async def test_an_overdue_job_is_killed_and_its_place_free() -> None:
    async with running(deadline_seconds=2) as (pool, worker_pids):
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(JobTimeout):
            await erase(pool)
        await until(lambda: pid not in worker_pids() and pool.ready_workers == 1)
        assert is_done(await erase(pool))


@in_loop
async def test_a_job_that_waited_too_long_is_turned_away() -> None:
    async with running(deadline_seconds=1) as (pool, worker_pids):
        os.kill(worker_pids()[0], signal.SIGSTOP)
        results = await asyncio.gather(*(erase(pool) for _ in range(2)), return_exceptions=True)
        assert [type(result) for result in results] == [JobTimeout, PoolFull]


@in_loop
async def test_checks_say_nothing_about_how_long_other_jobs_take() -> None:
    async with running() as (pool, _):
        assert is_done(await erase(pool))
        expected = pool._queue._turns.mean_seconds
        checked = await pool.run(JobRequest(task="check"), FILES[0], b"")
        assert isinstance(checked.outcome, Done)
        assert pool._queue._turns.mean_seconds == expected


@in_loop
async def test_a_full_queue_refuses() -> None:
    async with running(queue=1) as (pool, worker_pids):
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGSTOP)
        jobs = [asyncio.create_task(erase(pool)) for _ in range(2)]
        await until(lambda: pool.waiting == 1)
        with pytest.raises(PoolFull) as caught:
            await erase(pool)
        assert caught.value.retry_after >= 1
        os.kill(pid, signal.SIGCONT)
        assert all(is_done(answer) for answer in await asyncio.gather(*jobs))
        await pool.admit()


@in_loop
async def test_a_place_that_becomes_free_soon_is_waited_for_in_order() -> None:
    async with running(queue=1, patience=(20.0, 20.0)) as (pool, worker_pids):
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGSTOP)
        jobs = [asyncio.create_task(erase(pool)) for _ in range(2)]
        await until(lambda: pool.waiting == 1)
        waits = asyncio.create_task(erase(pool))
        await asyncio.sleep(0)
        behind = asyncio.create_task(pool.admit())
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGCONT)
        assert all(is_done(answer) for answer in await asyncio.gather(*jobs, waits))
        await behind


@in_loop
async def test_one_who_is_called_and_leaves_lets_the_next_in() -> None:
    async with running(queue=1, patience=(20.0, 20.0)) as (pool, worker_pids):
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGSTOP)
        jobs = [asyncio.create_task(erase(pool)) for _ in range(2)]
        await until(lambda: pool.waiting == 1)
        leaving, next_one = asyncio.create_task(pool.admit()), asyncio.create_task(pool.admit())
        await asyncio.sleep(0)
        jobs[0].add_done_callback(lambda _: leaving.cancel())
        os.kill(pid, signal.SIGCONT)
        await asyncio.gather(*jobs, leaving, return_exceptions=True)
        await next_one


@in_loop
async def test_an_unwanted_job_frees_its_place() -> None:
    async with running(queue=1) as (pool, worker_pids):
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGSTOP)
        first = asyncio.create_task(erase(pool))
        await until(lambda: pool.running == 1)
        second = asyncio.create_task(erase(pool))
        await until(lambda: pool.waiting == 1)
        second.cancel()
        await until(lambda: pool.waiting == 0)
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        await until(lambda: pool.ready_workers == 1 and worker_pids() != [pid])
        assert is_done(await erase(pool))


@in_loop
async def test_stop_leaves_no_process() -> None:
    async with running(workers=2) as (_, worker_pids):
        assert len(worker_pids()) == 2
    assert worker_pids() == []


@in_loop
async def test_a_pool_that_cannot_start_says_so() -> None:
    others = workers_of(os.getpid())
    options = replace(OPTIONS, engine="auto", layout="no-such-network.onnx")
    pool = Pool(options, workers=2, queue=0, deadline_seconds=1)
    with pytest.raises(WorkerDied):
        await pool.start()
    assert workers_of(os.getpid()) == others


def test_workers_know_no_secret() -> None:
    environment = worker_environment({"ERASE_API_KEYS": "k", "AWS_SECRET_ACCESS_KEY": "s", "PATH": "/bin"})
    assert environment["PATH"] == "/bin"
    assert not {"k", "s"} & set(environment.values())
