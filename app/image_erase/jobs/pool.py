"""The pool of worker processes: it keeps them running and gives them the jobs of a queue."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from image_erase.jobs.job_queue import PATIENCE, Answer, JobCrashed, JobQueue, PoolFull, QueuedJob, first_of
from image_erase.jobs.messages import Done, Failed, Ping
from image_erase.jobs.options import JobOptions
from image_erase.jobs.process import DEFAULT_TIMEOUTS, PROGRAM, Reply, WorkerDied, WorkerProcess, WorkerTimeouts
from image_erase.jobs.request import JobRequest
from image_erase.observer import UNOBSERVED, Observer
from image_erase.supervision import Supervisor

__all__ = ["Answer", "JobCrashed", "JobTimeout", "Pool", "PoolFull"]

log = logging.getLogger(__name__)

# How often a job is passed to another worker because one died before starting it.
_TRIES = 3
_MAX_RESTART_SECONDS = 5.0


class JobTimeout(Exception):
    """The job did not finish before its deadline."""


@dataclass
class _Slot:
    """A slot for a worker. first: done when the first worker is ready or could not be started."""

    first: asyncio.Future[None]
    worker: WorkerProcess | None = None
    failures: int = 0


class Pool:
    """A fixed number of worker processes and a bounded, fair queue before them.

    A worker runs one job at a time. Each slot has a task that starts a worker, gives it jobs, pings it when it has been
    idle, and ends and replaces it when it is lost for any reason.
    """

    def __init__(
        self,
        options: JobOptions,
        *,
        workers: int,
        queue: int,
        deadline_seconds: float,
        observer: Observer = UNOBSERVED,
        program: Sequence[str] = PROGRAM,
        timeouts: WorkerTimeouts = DEFAULT_TIMEOUTS,
        patience: tuple[float, float] = PATIENCE,
    ) -> None:
        """queue: the number of jobs that may wait while all workers are busy.

        program: the workers' command. patience: least and most seconds that a caller waits for a place.
        """
        self._options, self._program, self._timeouts = options, program, timeouts
        self._workers, self._observer = workers, observer
        self._queue = JobQueue(workers=workers, queue=queue, deadline_seconds=deadline_seconds, patience=patience)
        self._slots: list[_Slot] = []
        self._supervisor: Supervisor | None = None
        self._start_seconds = 0.0
        self._is_stopping = False
        #: Why workers re-encode every JPEG as a whole, None if they do not.
        self.reencode_reason: str | None = None

    async def start(self) -> None:
        """Start all workers and wait until they are ready. Raises WorkerDied if one cannot be started."""
        loop, self._is_stopping = asyncio.get_running_loop(), False
        self._slots = [_Slot(loop.create_future()) for _ in range(self._workers)]
        self._supervisor = Supervisor(self._observer)
        for number, slot in enumerate(self._slots, 1):
            self._supervisor.add(f"worker {number}", partial(self._keep_filled, slot))
        await self._supervisor.__aenter__()
        try:
            await asyncio.gather(*(slot.first for slot in self._slots))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Kill all workers. Waiting and running jobs fail."""
        self._is_stopping = True
        self._queue.drain()
        if self._supervisor:
            await self._supervisor.__aexit__(None, None, None)
        self._slots = []

    def change(self, *, queue: int, deadline_seconds: float) -> None:
        """Use other limits for new jobs. Waiting jobs keep their places and deadlines."""
        self._queue.change(queue=queue, deadline_seconds=deadline_seconds)

    @property
    def ready_workers(self) -> int:
        """The number of workers that are started and responsive."""
        return sum(slot.worker is not None and not slot.worker.gone.done() for slot in self._slots)

    @property
    def waiting(self) -> int:
        """The number of jobs that wait for a worker."""
        return self._queue.waiting

    @property
    def running(self) -> int:
        """The number of jobs that a worker is running."""
        return self._queue.running

    def admit(self, owner: str = "") -> Coroutine[Any, Any, None]:
        """Wait until a job of that owner would be accepted. Raises PoolFull if that takes longer than a moment."""
        return self._queue.admit(owner)

    def run(
        self,
        request: JobRequest,
        image: bytes | bytearray,
        mask: bytes | bytearray,
        *,
        owner: str = "",
        request_id: str | None = None,
    ) -> Coroutine[Any, Any, Answer]:
        """Run a job: wait for its turn and a worker, and return the worker's answer.

        owner: workers are shared fairly among owners. request_id: for the log.
        Raises PoolFull if no place becomes free within a moment, if another owner has precedence, or if the job has
        waited too long to finish in time; JobTimeout at the deadline; JobCrashed. Cancellation frees its place and its
        worker.
        """
        return self._queue.run(request, image, mask, owner=owner, request_id=request_id)

    async def _keep_filled(self, slot: _Slot) -> None:
        """Keep a slot filled until the pool stops or the first start fails."""
        while not self._is_stopping:
            try:
                await self._fill(slot)
            except WorkerDied as error:
                if not slot.first.done():
                    slot.first.set_exception(error)
                    return
                log.error("worker could not be started, retrying", extra={"reason": str(error)})
            slot.failures += 1
            if slot.failures > 1:
                pause = self._timeouts.restart * 2.0 ** min(slot.failures - 2, 8)
                await asyncio.sleep(min(pause, _MAX_RESTART_SECONDS))

    async def _fill(self, slot: _Slot) -> None:
        """Start one worker and give it jobs until it is lost. Raises WorkerDied if it cannot be started."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        worker = await WorkerProcess.start(self._options, program=self._program, timeouts=self._timeouts)
        self._start_seconds = loop.time() - began
        try:
            slot.worker = worker
            self._note_reencoding(worker.reencode_reason)
            if not slot.first.done():
                slot.first.set_result(None)
            while not worker.gone.done():
                await self._give_next_job(worker)
                slot.failures = 0 if worker.has_answered else slot.failures
        finally:
            slot.worker = None
            code = await worker.end()
        self._observer.worker_ended()
        facts = {"request_id": worker.request_id, "pid": worker.pid, "exit_code": code, "reason": worker.gone.result()}
        log.warning("worker ended", extra=facts)

    def _note_reencoding(self, reason: str | None) -> None:
        """Log once, not for each worker, why JPEGs are re-encoded."""
        if reason and reason != self.reencode_reason:
            log.warning("every JPEG is re-encoded as a whole", extra={"reason": reason})
        self.reencode_reason = reason

    async def _give_next_job(self, worker: WorkerProcess) -> None:
        """Give a worker the next job, or wait until there is one; ping the worker if it has been idle for long."""
        if job := self._queue.take():
            await self._work(worker, job)
        elif not await self._queue.wait(worker.gone, self._timeouts.idle):
            reply = worker.send(Ping())
            if not await first_of((reply,), self._timeouts.pong):
                worker.lose("did not answer a ping")

    async def _work(self, worker: WorkerProcess, job: QueuedJob) -> None:
        """Run the job on the worker until it finishes, its caller leaves, or its deadline passes."""
        now, started = asyncio.get_running_loop().time(), time.perf_counter()
        self._observer.job_began(started - job.admitted_at)
        try:
            reply = worker.send(job.message(now), job.request_id)
            await first_of((reply, job.outcome), job.deadline - now)
            if reply.done() and reply.result() is None and not worker.has_begun and job.tries < _TRIES:
                self._queue.retry(job)
                return
            _settle(worker, job, reply, started)
        except BaseException:
            self._queue.finish(job, 0.0, is_typical=False)
            job.fail(JobCrashed())
            raise
        # The owner of a job that costs a worker, also by abandoning it, is charged for the time to replace it.
        lost = worker.gone.done()
        worked = time.perf_counter() - started + (self._start_seconds if lost else 0.0)
        # A check takes milliseconds, which says nothing about how long the others in the queue take.
        self._queue.finish(job, worked, is_typical=not lost and job.request.task != "check")


def _settle(worker: WorkerProcess, job: QueuedJob, reply: Reply, started: float) -> None:
    """Pass the outcome to the job's caller, and give up the worker unless it has answered."""
    answer = reply.result() if reply.done() else None
    if isinstance(answer, Done | Failed):
        if not job.outcome.done():
            job.outcome.set_result(Answer(answer, started - job.admitted_at, time.perf_counter() - started))
    elif worker.gone.done():
        job.fail(JobCrashed())
    elif job.outcome.done():
        worker.lose("its job was cancelled")
    else:
        job.fail(JobTimeout())
        worker.lose("its job exceeded the deadline")
