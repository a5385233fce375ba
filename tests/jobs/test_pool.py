"""The pool, with real worker processes: crashes, deadlines, a full queue, clients that go away."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from image_erase.jobs.job import warm_up_files
from image_erase.jobs.pool import JobCrashed, JobTimeout, Pool, PoolFull
from image_erase.jobs.process import WorkerDied, worker_environment
from support.pictures import slow_files
from support.processes import processor_ticks, workers_of

OPTIONS = {"max_side": 4096, "jpeg_quality": 95, "engine": "opencv"}
FILES = warm_up_files()


@asynccontextmanager
async def running(
    workers: int = 1, queue: int = 4, deadline_seconds: float = 30
) -> AsyncIterator[tuple[Pool, Callable[[], list[int]]]]:
    """A pool, and a function that lists its workers' process ids."""
    others = workers_of(os.getpid())
    pool = Pool(OPTIONS, workers=workers, queue=queue, deadline_seconds=deadline_seconds)
    await pool.start()
    try:
        yield pool, lambda: sorted(workers_of(os.getpid()) - others)
    finally:
        await pool.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def in_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())  # type: ignore[arg-type]

    run.__name__ = test.__name__
    return run


@in_loop
async def test_does_jobs_on_several_workers() -> None:
    async with running(workers=2, queue=10) as (pool, _):
        answers = await asyncio.gather(*(pool.run({}, FILES) for _ in range(8)))
        assert {answer.head["suffix"] for answer in answers} == {"jpg"}
        assert len({bytes(answer.blobs[0]) for answer in answers}) == 1
        assert pool.waiting == 0


@in_loop
async def test_a_broken_file_costs_no_worker() -> None:
    async with running() as (pool, worker_pids):
        pids = worker_pids()
        answer = await pool.run({}, (b"hello", FILES[1]))
        assert answer.head == {
            "failure": "unsupported_format",
            "subject": "image",
            "detail": "The file is none of JPEG, PNG, BMP and WEBP.",
        }
        assert worker_pids() == pids


@in_loop
async def test_the_stack_of_a_failed_job_goes_no_further() -> None:
    pool = Pool(OPTIONS | {"mask_dilate": "splendid"}, workers=1, queue=0, deadline_seconds=30)
    await pool.start()
    try:
        answer = await pool.run({}, FILES)
    finally:
        await pool.stop()
    assert answer.head == {"failure": "failed", "subject": "image", "detail": ""}


@in_loop
async def test_a_killed_worker_costs_its_job_only() -> None:
    async with running() as (pool, worker_pids):
        (pid,) = worker_pids()
        before = processor_ticks(pid)
        doomed = asyncio.create_task(pool.run({}, slow_files()))
        await until(lambda: processor_ticks(pid) > before + 10)
        waiting = asyncio.create_task(pool.run({}, FILES))
        await until(lambda: pool.waiting == 1)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(JobCrashed):
            await doomed
        assert (await waiting).head["suffix"] == "jpg"
        assert pid not in worker_pids()
        assert pool.ready_workers == 1


@in_loop
async def test_a_job_that_was_not_begun_goes_to_another_worker() -> None:
    async with running() as (pool, worker_pids):
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGSTOP)
        job = asyncio.create_task(pool.run({}, FILES))
        await until(pool._idle.empty)
        os.kill(pid, signal.SIGKILL)
        assert (await job).head["suffix"] == "jpg"


@in_loop
async def test_a_worker_killed_while_idle_is_replaced_unnoticed() -> None:
    async with running() as (pool, worker_pids):
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGKILL)
        await until(lambda: pool.ready_workers == 0)
        assert (await pool.run({}, FILES)).head["suffix"] == "jpg"


@in_loop
async def test_an_overdue_job_is_killed_and_its_place_free() -> None:
    async with running(deadline_seconds=2) as (pool, worker_pids):
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(JobTimeout):
            await pool.run({}, FILES)
        assert pid not in worker_pids()
        await until(lambda: pool.ready_workers == 1)
        assert (await pool.run({}, FILES)).head["suffix"] == "jpg"


@in_loop
async def test_a_job_that_waited_too_long_is_turned_away() -> None:
    async with running(deadline_seconds=1) as (pool, worker_pids):
        os.kill(worker_pids()[0], signal.SIGSTOP)
        results = await asyncio.gather(*(pool.run({}, FILES) for _ in range(2)), return_exceptions=True)
        assert [type(result) for result in results] == [JobTimeout, PoolFull]


@in_loop
async def test_a_full_queue_refuses_at_once() -> None:
    async with running(queue=1) as (pool, worker_pids):
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGSTOP)
        jobs = [asyncio.create_task(pool.run({}, FILES)) for _ in range(2)]
        await until(lambda: pool.waiting == 1)
        with pytest.raises(PoolFull) as caught:
            await pool.run({}, FILES)
        assert caught.value.retry_after >= 1
        os.kill(pid, signal.SIGCONT)
        assert [answer.head["suffix"] for answer in await asyncio.gather(*jobs)] == ["jpg", "jpg"]
        pool.refuse_when_full()


@in_loop
async def test_an_unwanted_job_frees_its_place() -> None:
    async with running(queue=1) as (pool, worker_pids):
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGSTOP)
        first = asyncio.create_task(pool.run({}, FILES))
        await until(pool._idle.empty)
        second = asyncio.create_task(pool.run({}, FILES))
        await until(lambda: pool.waiting == 1)
        second.cancel()
        await until(lambda: pool.waiting == 0)
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        await until(lambda: pool.ready_workers == 1 and worker_pids() != [pid])
        assert (await pool.run({}, FILES)).head["suffix"] == "jpg"


@in_loop
async def test_stop_leaves_no_process() -> None:
    async with running(workers=2) as (_, worker_pids):
        assert len(worker_pids()) == 2
    assert worker_pids() == []


@in_loop
async def test_a_pool_that_cannot_start_says_so() -> None:
    others = workers_of(os.getpid())
    pool = Pool({"no such option": 1}, workers=2, queue=0, deadline_seconds=1)
    with pytest.raises(WorkerDied):
        await pool.start()
    assert workers_of(os.getpid()) == others


def test_workers_know_no_secret() -> None:
    environment = worker_environment({"ERASE_API_KEYS": "k", "AWS_SECRET_ACCESS_KEY": "s", "PATH": "/bin"})
    assert environment["PATH"] == "/bin"
    assert not {"k", "s"} & set(environment.values())
