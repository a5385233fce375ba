"""Admission, queue, deadline and worker processes."""

import asyncio
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from image_erase.jobs.entrance import Caller, Entrance
from image_erase.jobs.messages import Done, Failed, Job, Ping
from image_erase.jobs.process import DEFAULT_TIMEOUTS, PROGRAM, Reply, Timeouts, WorkerDied, WorkerProcess
from image_erase.jobs.request import JobRequest
from image_erase.jobs.turns import NoTurn, Turns
from image_erase.observer import UNOBSERVED, Observer
from image_erase.supervision import Supervisor

log = logging.getLogger(__name__)

# A job that got no worker in this share of its time is turned away rather than begun too late to end.
_WAITING_SHARE = 0.6
# A caller waits for a place in a full queue until so many should have become free.
_PLACES_AWAITED = 2.0
# How often a job is given to another worker because one died before it began.
_TRIES = 3
_MAX_RESTART_SECONDS = 5.0


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

    outcome: Done | Failed
    waited: float
    worked: float


@dataclass(eq=False)
class _Task:
    """A job on its way through the pool. Times are the loop's. outcome: cancelled where nobody wants it any more."""

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
class _Keeper:
    """One place for a worker. first: done when the place is filled for the first time, or can't be."""

    first: asyncio.Future[None]
    worker: WorkerProcess | None = None
    failures: int = 0


class Pool:
    """A fixed number of worker processes and a bounded, fair queue before them.

    A job has one worker for itself. A keeper has one worker for itself, too: it starts it, gives it jobs, asks it now
    and then whether it still answers, and ends and replaces it whenever it is lost, however that came. Who waits for a
    job waits for a future, so leaving costs nobody anything.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        *,
        workers: int,
        queue: int,
        deadline_seconds: float,
        observer: Observer = UNOBSERVED,
        program: Sequence[str] = PROGRAM,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        patience: tuple[float, float] = (0.25, 2.0),
    ) -> None:
        """options: a JobOptions as a mapping. queue: how many jobs may wait while all workers are busy.

        program: the workers' command. patience: how many seconds a caller waits for a place, at least and at most.
        """
        self._options, self._program, self._timeouts = options, program, timeouts
        self._workers, self._least_patience, self._most_patience = workers, *patience
        self._deadline_seconds = deadline_seconds
        self._observer = observer
        self._turns: Turns[_Task] = Turns(workers + queue)
        self._entrance = Entrance(self._turns.has_room, workers + queue)
        self._resting: set[asyncio.Future[None]] = set()
        self._keepers: list[_Keeper] = []
        self._supervisor: Supervisor | None = None
        self._start_seconds = 0.0
        self._is_stopping = False
        #: Why workers re-encode every JPEG as a whole, None where they do not.
        self.reencode_reason: str | None = None

    async def start(self) -> None:
        """Start all workers and wait until they are ready. Raises WorkerDied where the first try fails."""
        loop, self._is_stopping = asyncio.get_running_loop(), False
        self._keepers = [_Keeper(loop.create_future()) for _ in range(self._workers)]
        self._supervisor = Supervisor(self._observer)
        for number, keeper in enumerate(self._keepers, 1):
            self._supervisor.add(f"worker {number}", partial(self._keep, keeper))
        await self._supervisor.__aenter__()
        try:
            await asyncio.gather(*(keeper.first for keeper in self._keepers))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Kill all workers. Jobs that wait or run fail."""
        self._is_stopping = True
        for task in self._turns.drain():
            task.fail(JobCrashed())
        if self._supervisor:
            await self._supervisor.__aexit__(None, None, None)
        self._keepers = []

    @property
    def ready_workers(self) -> int:
        """How many workers are there and have answered the last time they were asked."""
        return sum(keeper.worker is not None and not keeper.worker.gone.done() for keeper in self._keepers)

    @property
    def waiting(self) -> int:
        """How many jobs wait for a worker."""
        return self._turns.waiting

    @property
    def running(self) -> int:
        """How many jobs have a worker."""
        return self._turns.running

    async def admit(self, owner: str = "") -> None:
        """Return when a job of that owner would be taken. Raises PoolFull where that is not within a moment."""
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
        """Do a job: wait for its turn and a worker, and return what that answers.

        owner: who shares the workers fairly with other owners. request_id: for the log.
        Raises PoolFull where no place becomes free within a moment, or when another owner needs the place more, or when
        the wait has become too long to begin; JobTimeout at the deadline; JobCrashed. Cancelling it frees its place and
        its worker.
        """
        loop = asyncio.get_running_loop()
        now, seconds = loop.time(), self._deadline_seconds
        task = _Task(owner, request_id, request, (image, mask), now, now + seconds, loop.create_future())
        await self._queue(task)
        too_late = loop.call_at(now + _WAITING_SHARE * seconds, self._turn_away, task)
        try:
            return await task.outcome
        finally:
            too_late.cancel()
            self._withdraw(task)
            if not task.outcome.cancelled():
                task.outcome.exception()  # has been seen, also by a caller that is cancelled at this very moment

    async def _queue(self, task: _Task) -> None:
        """Give the job a place. Its caller was let in already, and others may have been quicker with their files."""
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
        """Wait at the entrance; whether there was room within that time."""
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        caller = Caller(owner, partial(called.set_result, None))
        if seconds <= 0 or not self._entrance.join(caller, first=first):
            return False
        try:
            await asyncio.wait((called,), timeout=seconds)
        except asyncio.CancelledError:
            if called.done():
                self._entrance.let_in()  # another in its place
            raise
        finally:
            self._entrance.leave(caller)
        return called.done() or self._turns.has_room(owner)

    def _patience(self) -> float:
        """How many seconds it is worth waiting for a place."""
        seconds = _PLACES_AWAITED * self._turns.mean_seconds / self._workers
        return min(max(seconds, self._least_patience), self._most_patience)

    def _withdraw(self, task: _Task) -> bool:
        withdrawn = self._turns.withdraw(task)
        if withdrawn:
            self._entrance.let_in()
        return withdrawn

    def _turn_away(self, task: _Task) -> None:
        if self._withdraw(task):
            task.fail(self._full())

    def _full(self) -> PoolFull:
        jobs = self._turns.waiting + self._turns.running + len(self._entrance)
        return PoolFull(max(1, math.ceil(self._turns.mean_seconds * jobs / self._workers)))

    def _wake(self) -> None:
        for rest in self._resting:
            if not rest.done():
                rest.set_result(None)

    async def _keep(self, keeper: _Keeper) -> None:
        """Keep one place filled until the pool stops, or until the very first start fails."""
        while not self._is_stopping:
            try:
                await self._fill(keeper)
            except WorkerDied as error:
                if not keeper.first.done():
                    keeper.first.set_exception(error)
                    return
                log.error("no worker could be started, trying again", extra={"reason": str(error)})
            keeper.failures += 1
            if keeper.failures > 1:
                pause = self._timeouts.restart * 2.0 ** min(keeper.failures - 2, 8)
                await asyncio.sleep(min(pause, _MAX_RESTART_SECONDS))

    async def _fill(self, keeper: _Keeper) -> None:
        """Start one worker and give it jobs until it is lost. Raises WorkerDied where it can't be started."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        worker = await WorkerProcess.start(self._options, program=self._program, timeouts=self._timeouts)
        self._start_seconds = loop.time() - began
        try:
            keeper.worker = worker
            self._note_reencoding(worker.reencode_reason)
            if not keeper.first.done():
                keeper.first.set_result(None)
            while not worker.gone.done():
                await self._employ(worker)
                keeper.failures = 0 if worker.has_answered else keeper.failures
        finally:
            keeper.worker = None
            code = await worker.end()
        self._observer.worker_ended()
        facts = {"request_id": worker.request_id, "pid": worker.pid, "exit_code": code, "reason": worker.gone.result()}
        log.warning("worker ended", extra=facts)

    def _note_reencoding(self, reason: str | None) -> None:
        """Log once why workers re-encode JPEGs, and not again for each of them."""
        if reason and reason != self.reencode_reason:
            log.warning("every JPEG is re-encoded as a whole", extra={"reason": reason})
        self.reencode_reason = reason

    async def _employ(self, worker: WorkerProcess) -> None:
        """Give a worker the next job, or let it rest until there is one; after a long rest it has to answer a ping."""
        if task := self._turns.take():
            await self._work(worker, task)
        elif not await self._rested(worker):
            reply = worker.send(Ping())
            if not await _first((reply,), self._timeouts.pong):
                worker.lose("does not answer")

    async def _rested(self, worker: WorkerProcess) -> bool:
        """Wait for a job, or the worker's end; whether there was either before it had rested long enough."""
        rest: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._resting.add(rest)
        try:
            done = await _first((rest, worker.gone), self._timeouts.rest)
        finally:
            self._resting.discard(rest)
        return done

    async def _work(self, worker: WorkerProcess, task: _Task) -> None:
        """Let the worker do the job, as long as somebody wants it and no longer than until its deadline."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._observer.job_began(started - task.admitted_at)
        try:
            reply = worker.send(task.job(started), task.request_id)
            await _first((reply, task.outcome), task.deadline - started)
            if reply.done() and reply.result() is None and not worker.has_begun and task.tries < _TRIES:
                self._try_another(task)
                return
            self._settle(worker, task, reply, started)
        except BaseException:
            self._finish(task, 0.0, is_typical=False)
            task.fail(JobCrashed())
            raise
        # An owner whose jobs cost workers, also by leaving them, has had the time that it takes to replace them.
        lost = worker.gone.done()
        worked = loop.time() - started + (self._start_seconds if lost else 0.0)
        self._finish(task, worked, is_typical=not lost)

    def _finish(self, task: _Task, seconds: float, *, is_typical: bool) -> None:
        self._turns.finish(task, seconds, is_typical=is_typical)
        self._entrance.let_in()

    def _try_another(self, task: _Task) -> None:
        """The worker was lost before it began: nothing has happened yet."""
        task.tries += 1
        self._turns.put_back(task)
        if task.outcome.done():
            self._withdraw(task)
        self._wake()

    def _settle(self, worker: WorkerProcess, task: _Task, reply: Reply, started: float) -> None:
        """Tell who waits for the job what came of it, and give the worker up unless it has answered."""
        now = asyncio.get_running_loop().time()
        answer = reply.result() if reply.done() else None
        if isinstance(answer, Done | Failed):
            if not task.outcome.done():
                task.outcome.set_result(Answer(answer, started - task.admitted_at, now - started))
        elif worker.gone.done():
            task.fail(JobCrashed())
        elif task.outcome.done():
            worker.lose("its job is no longer wanted")
        else:
            task.fail(JobTimeout())
            worker.lose("its job is overdue")


async def _first(futures: Iterable[asyncio.Future[Any]], seconds: float) -> bool:
    """Wait until one of them is done; whether it was in time."""
    done, _ = await asyncio.wait(set(futures), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)
