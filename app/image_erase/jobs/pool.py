"""Admission, queue, deadline and worker processes."""

import asyncio
import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from image_erase.jobs.frames import Frame
from image_erase.jobs.process import WorkerDied, WorkerGone, WorkerProcess
from image_erase.observer import UNOBSERVED, Observer

log = logging.getLogger(__name__)

RESTART_SECONDS = 1.0
# A job that got no worker in this share of its time is turned away rather than begun too late to end.
_WAITING_SHARE = 0.6
# The share of the newest job in the running mean of how long jobs take.
_NEWEST_SHARE = 0.2


class PoolFull(Exception):
    """No job can be taken now. retry_after: whole seconds after which there is probably room."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("the queue is full")
        self.retry_after = retry_after


class JobTimeout(Exception):
    """The job was not done before its deadline."""


class JobCrashed(Exception):
    """The worker died over the job."""


@dataclass(frozen=True)
class Answer:
    """What a worker answered, and how many seconds the job waited for it and worked."""

    head: dict[str, Any]
    blobs: tuple[bytes | bytearray, ...]
    waited: float
    worked: float


class Pool:
    """A fixed number of worker processes and a bounded queue before them.

    A job has one worker for itself. One that dies, or is killed because its job is overdue or no longer wanted, is
    replaced; no other job notices.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        *,
        workers: int,
        queue: int,
        deadline_seconds: float,
        observer: Observer = UNOBSERVED,
    ) -> None:
        """options: a JobOptions as a mapping. queue: how many jobs may wait while all workers are busy."""
        self._options = options
        self._workers = workers
        self._capacity = workers + queue
        self._deadline_seconds = deadline_seconds
        self._observer = observer
        self._idle: asyncio.Queue[WorkerProcess] = asyncio.Queue()
        self._alive: set[WorkerProcess] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._admitted = self._running = 0
        self._mean_seconds = 0.5

    async def start(self) -> None:
        """Start all workers and wait until they are ready. Raises WorkerDied where the first try fails."""
        starts = (WorkerProcess.start(self._options) for _ in range(self._workers))
        started = await asyncio.gather(*starts, return_exceptions=True)
        for worker in started:
            if isinstance(worker, WorkerProcess):
                self._join(worker)
                self._keepers.append(asyncio.create_task(self._keep(worker)))
        failures = [failure for failure in started if isinstance(failure, BaseException)]
        if failures:
            await self.stop()
            raise failures[0]

    async def stop(self) -> None:
        """Kill all workers. Jobs still running fail."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self._alive))
        self._keepers, self._alive = [], set()

    @property
    def ready_workers(self) -> int:
        """How many workers are alive."""
        return len(self._alive)

    @property
    def waiting(self) -> int:
        """How many jobs wait for a worker."""
        return max(0, self._admitted - self._workers)

    @property
    def running(self) -> int:
        """How many jobs have a worker."""
        return self._running

    def refuse_when_full(self) -> None:
        """Raise PoolFull where a job would not be taken now."""
        if self._admitted >= self._capacity:
            raise self._full()

    async def run(self, head: Mapping[str, Any], blobs: tuple[bytes | bytearray, ...]) -> Answer:
        """Do a job: wait for a worker, send it the frame, return its answer.

        Raises PoolFull, at once or when the wait has become too long to begin; JobTimeout at the deadline; JobCrashed.
        Cancelling it frees its place and its worker.
        """
        self.refuse_when_full()
        admitted_at = asyncio.get_running_loop().time()
        self._admitted += 1
        try:
            while True:
                worker = await self._idle_worker(admitted_at + _WAITING_SHARE * self._deadline_seconds)
                with suppress(WorkerGone):
                    return await self._do(worker, head, blobs, admitted_at)
        finally:
            self._admitted -= 1

    def _full(self) -> PoolFull:
        return PoolFull(max(1, math.ceil(self._mean_seconds * self._admitted / self._workers)))

    async def _do(
        self, worker: WorkerProcess, head: Mapping[str, Any], blobs: tuple[bytes | bytearray, ...], admitted_at: float
    ) -> Answer:
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._observer.job_began(started - admitted_at)
        self._running += 1
        try:
            answer = await self._ask(worker, head, blobs, admitted_at + self._deadline_seconds)
        finally:
            self._running -= 1
        worked = loop.time() - started
        self._mean_seconds += _NEWEST_SHARE * (worked - self._mean_seconds)
        return Answer(answer.head, answer.blobs, started - admitted_at, worked)

    async def _idle_worker(self, latest: float) -> WorkerProcess:
        try:
            async with asyncio.timeout_at(latest):
                while (worker := await self._idle.get()) not in self._alive:
                    pass
                return worker
        except TimeoutError:
            raise self._full() from None

    async def _ask(
        self, worker: WorkerProcess, head: Mapping[str, Any], blobs: tuple[bytes | bytearray, ...], deadline: float
    ) -> Frame:
        seconds = deadline - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(deadline):
                answer = await worker.ask(Frame({**head, "seconds": seconds}, blobs))
        except WorkerGone:
            raise
        except WorkerDied:
            raise JobCrashed from None
        except TimeoutError:
            await asyncio.shield(worker.end())
            raise JobTimeout from None
        except BaseException:
            # Nobody wants it any more. Only killing stops it; its keeper brings the next worker.
            await asyncio.shield(worker.end())
            raise
        self._idle.put_nowait(worker)
        return answer

    def _join(self, worker: WorkerProcess) -> None:
        self._alive.add(worker)
        self._idle.put_nowait(worker)

    async def _keep(self, worker: WorkerProcess) -> None:
        """Keep one place in the pool filled, until cancelled."""
        while True:
            code = await worker.ended()
            self._alive.discard(worker)
            await worker.end()
            self._observer.worker_ended()
            log.warning("worker ended", extra={"request_id": worker.request_id, "pid": worker.pid, "exit_code": code})
            worker = await self._replacement()
            self._join(worker)

    async def _replacement(self) -> WorkerProcess:
        while True:
            try:
                return await WorkerProcess.start(self._options)
            except (WorkerDied, OSError, RuntimeError) as error:
                # RuntimeError is a thread that could not be started: asyncio waits for the worker's end in one.
                log.error("no worker could be started, trying again", extra={"reason": repr(error)})
                await asyncio.sleep(RESTART_SECONDS)
