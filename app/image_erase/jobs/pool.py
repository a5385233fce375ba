"""The pool of worker processes: admission, queue and deadline of jobs."""

import asyncio
import logging
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from image_erase.jobs.entrance import Caller, Entrance
from image_erase.jobs.messages import Done, Failed, Job, Ping
from image_erase.jobs.options import JobOptions
from image_erase.jobs.process import DEFAULT_TIMEOUTS, PROGRAM, Reply, Timeouts, WorkerDied, WorkerProcess
from image_erase.jobs.request import JobRequest
from image_erase.jobs.turns import NoTurn, Turns
from image_erase.observer import UNOBSERVED, Observer
from image_erase.supervision import Supervisor

log = logging.getLogger(__name__)

# A job that has no worker after this share of its time is rejected, because it could not finish in time.
_WAITING_SHARE = 0.6
# A caller waits for a place in a full queue until this many places are expected to have become free.
_PLACES_AWAITED = 2.0
# How often a job is passed to another worker because one died before starting it.
_TRIES = 3
_MAX_RESTART_SECONDS = 5.0


class PoolFull(Exception):
    """No job can be accepted now. retry_after: whole seconds after which there is probably room."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("the queue is full")
        self.retry_after = retry_after


class JobTimeout(Exception):
    """The job did not finish before its deadline."""


class JobCrashed(Exception):
    """The worker died while it ran the job."""


@dataclass(frozen=True)
class Answer:
    """A worker's answer, and the seconds that the job waited and ran."""

    outcome: Done | Failed
    waited: float
    worked: float


@dataclass(eq=False)
class _Task:
    """A job in the pool.

    admitted_at: on the clock of time.perf_counter(), since that of the loop may show whole milliseconds only.
    deadline: on the loop's. outcome: cancelled if its caller has gone.
    """

    owner: str
    request_id: str | None
    request: JobRequest
    files: tuple[bytes | bytearray, bytes | bytearray]
    admitted_at: float
    deadline: float
    outcome: asyncio.Future[Answer]
    tries: int = 0

    def job(self, now: float) -> Job:
        return Job(self.deadline - now, self.request, *self.files)

    def fail(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


@dataclass
class _Slot:
    """A slot for a worker. first: done when the first worker is ready or could not be started."""

    first: asyncio.Future[None]
    worker: WorkerProcess | None = None
    failures: int = 0


class Pool:
    """A fixed number of worker processes and a bounded, fair queue before them.

    A worker runs one job at a time. Each slot has a task that starts a worker, gives it jobs, pings it when it has been
    idle, and ends and replaces it when it is lost for any reason. Callers only wait for a future, so a caller that is
    cancelled does not affect the worker's state.
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
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        patience: tuple[float, float] = (0.25, 2.0),
    ) -> None:
        """queue: the number of jobs that may wait while all workers are busy.

        program: the workers' command. patience: least and most seconds that a caller waits for a place.
        """
        self._options, self._program, self._timeouts = options, program, timeouts
        self._workers, self._least_patience, self._most_patience = workers, *patience
        self._deadline_seconds = deadline_seconds
        self._observer = observer
        self._turns: Turns[_Task] = Turns(workers + queue)
        self._entrance = Entrance(self._turns.has_room, workers + queue)
        self._idle: set[asyncio.Future[None]] = set()
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
        for task in self._turns.drain():
            task.fail(JobCrashed())
        if self._supervisor:
            await self._supervisor.__aexit__(None, None, None)
        self._slots = []

    def change(self, *, queue: int, deadline_seconds: float) -> None:
        """Use other limits for new jobs. Waiting jobs keep their places and deadlines."""
        self._turns.places = self._entrance.most = self._workers + queue
        self._deadline_seconds = deadline_seconds
        self._entrance.let_in()

    @property
    def ready_workers(self) -> int:
        """The number of workers that are started and responsive."""
        return sum(slot.worker is not None and not slot.worker.gone.done() for slot in self._slots)

    @property
    def waiting(self) -> int:
        """The number of jobs that wait for a worker."""
        return self._turns.waiting

    @property
    def running(self) -> int:
        """The number of jobs that a worker is running."""
        return self._turns.running

    async def admit(self, owner: str = "") -> None:
        """Wait until a job of that owner would be accepted. Raises PoolFull if that takes longer than a moment."""
        if not self._entrance.is_open(owner) and not await self._called(owner, self._patience()):
            raise self._full()

    async def run(
        self,
        request: JobRequest,
        image: bytes | bytearray,
        mask: bytes | bytearray,
        *,
        owner: str = "",
        request_id: str | None = None,
    ) -> Answer:
        """Run a job: wait for its turn and a worker, and return the worker's answer.

        owner: workers are shared fairly among owners. request_id: for the log.
        Raises PoolFull if no place becomes free within a moment, if another owner has precedence, or if the job has
        waited too long to finish in time; JobTimeout at the deadline; JobCrashed. Cancellation frees its place and its
        worker.
        """
        loop = asyncio.get_running_loop()
        now, seconds = loop.time(), self._deadline_seconds
        admitted_at, deadline = time.perf_counter(), now + seconds
        task = _Task(owner, request_id, request, (image, mask), admitted_at, deadline, loop.create_future())
        await self._queue(task)
        too_late = loop.call_at(now + _WAITING_SHARE * seconds, self._reject, task)
        try:
            return await task.outcome
        finally:
            too_late.cancel()
            self._withdraw(task)
            if not task.outcome.cancelled():
                task.outcome.exception()  # marks it as retrieved, even if the caller is cancelled at this moment

    async def _queue(self, task: _Task) -> None:
        """Add the job to the queue. Its caller was admitted before its files arrived; the queue may be full by now."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience()
        while True:
            try:
                displaced = self._turns.add(task)
                break
            except NoTurn:
                if not await self._called(task.owner, end - loop.time(), first=True):
                    raise self._full() from None
        if displaced:
            displaced.fail(self._full())
        self._wake()

    async def _called(self, owner: str, seconds: float, *, first: bool = False) -> bool:
        """Wait at the entrance. Returns whether there was room within that time."""
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        caller = Caller(owner, partial(called.set_result, None))
        if seconds <= 0 or not self._entrance.join(caller, first=first):
            return False
        try:
            await asyncio.wait((called,), timeout=seconds)
        except asyncio.CancelledError:
            if called.done():
                self._entrance.let_in()  # lets in another caller in its place
            raise
        finally:
            self._entrance.leave(caller)
        return called.done() or self._turns.has_room(owner)

    def _patience(self) -> float:
        """Return how many seconds to wait for a place."""
        seconds = _PLACES_AWAITED * self._turns.mean_seconds / self._workers
        return min(max(seconds, self._least_patience), self._most_patience)

    def _withdraw(self, task: _Task) -> bool:
        withdrawn = self._turns.withdraw(task)
        if withdrawn:
            self._entrance.let_in()
        return withdrawn

    def _reject(self, task: _Task) -> None:
        if self._withdraw(task):
            task.fail(self._full())

    def _full(self) -> PoolFull:
        jobs = self._turns.waiting + self._turns.running + len(self._entrance)
        return PoolFull(max(1, math.ceil(self._turns.mean_seconds * jobs / self._workers)))

    def _wake(self) -> None:
        for woken in self._idle:
            if not woken.done():
                woken.set_result(None)

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
        if task := self._turns.take():
            await self._work(worker, task)
        elif not await self._wait_for_job(worker):
            reply = worker.send(Ping())
            if not await _first((reply,), self._timeouts.pong):
                worker.lose("did not answer a ping")

    async def _wait_for_job(self, worker: WorkerProcess) -> bool:
        """Wait for a job or the end of the worker. Returns False if neither came within the worker's idle time."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.add(woken)
        try:
            done = await _first((woken, worker.gone), self._timeouts.idle)
        finally:
            self._idle.discard(woken)
        return done

    async def _work(self, worker: WorkerProcess, task: _Task) -> None:
        """Run the job on the worker until it finishes, its caller leaves, or its deadline passes."""
        now, started = asyncio.get_running_loop().time(), time.perf_counter()
        self._observer.job_began(started - task.admitted_at)
        try:
            reply = worker.send(task.job(now), task.request_id)
            await _first((reply, task.outcome), task.deadline - now)
            if reply.done() and reply.result() is None and not worker.has_begun and task.tries < _TRIES:
                self._try_another(task)
                return
            self._settle(worker, task, reply, started)
        except BaseException:
            self._finish(task, 0.0, is_typical=False)
            task.fail(JobCrashed())
            raise
        # The owner of a job that costs a worker, also by abandoning it, is charged for the time to replace it.
        lost = worker.gone.done()
        worked = time.perf_counter() - started + (self._start_seconds if lost else 0.0)
        # A check takes milliseconds, which says nothing about how long the others in the queue take.
        self._finish(task, worked, is_typical=not lost and task.request.task != "check")

    def _finish(self, task: _Task, seconds: float, *, is_typical: bool) -> None:
        self._turns.finish(task, seconds, is_typical=is_typical)
        self._entrance.let_in()

    def _try_another(self, task: _Task) -> None:
        """Put the job back in the queue, because its worker was lost before it started the job."""
        task.tries += 1
        self._turns.put_back(task)
        if task.outcome.done():
            self._withdraw(task)
        self._wake()

    def _settle(self, worker: WorkerProcess, task: _Task, reply: Reply, started: float) -> None:
        """Pass the outcome to the job's caller, and give up the worker unless it has answered."""
        answer = reply.result() if reply.done() else None
        if isinstance(answer, Done | Failed):
            if not task.outcome.done():
                worked = time.perf_counter() - started
                task.outcome.set_result(Answer(answer, started - task.admitted_at, worked))
        elif worker.gone.done():
            task.fail(JobCrashed())
        elif task.outcome.done():
            worker.lose("its job was cancelled")
        else:
            task.fail(JobTimeout())
            worker.lose("its job exceeded the deadline")


async def _first(futures: Iterable[asyncio.Future[Any]], seconds: float) -> bool:
    """Wait until one of the futures is done. Returns whether that was in time."""
    done, _ = await asyncio.wait(set(futures), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)
