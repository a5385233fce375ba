"""The bounded, fair queue of jobs before the workers: admission, deadlines, and who is next."""

import asyncio
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from image_erase.jobs.entrance import Caller, Entrance
from image_erase.jobs.messages import Done, Failed, Job
from image_erase.jobs.request import JobRequest
from image_erase.jobs.turns import NoTurn, Turns

# A job that has no worker after this share of its time is rejected, because it could not finish in time.
_WAITING_SHARE = 0.6
# A caller waits for a place in a full queue until this many places are expected to have become free.
_PLACES_AWAITED = 2.0
#: Least and most seconds that a caller waits for a place.
PATIENCE = 0.25, 2.0


class PoolFull(Exception):
    """No job can be accepted now. retry_after: whole seconds after which there is probably room."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("the queue is full")
        self.retry_after = retry_after


class JobCrashed(Exception):
    """The worker died while it ran the job."""


@dataclass(frozen=True)
class Answer:
    """A worker's answer, and the seconds that the job waited and ran."""

    outcome: Done | Failed
    waited: float
    worked: float


@dataclass(eq=False)
class QueuedJob:
    """A job that waits or runs.

    admitted_at: on the clock of time.perf_counter(), since that of the loop may show whole milliseconds only.
    deadline: on the loop's. outcome: cancelled if its caller has gone. tries: how often it was given to a worker that
    was lost before it started the job.
    """

    owner: str
    request_id: str | None
    request: JobRequest
    files: tuple[bytes | bytearray, bytes | bytearray]
    admitted_at: float
    deadline: float
    outcome: asyncio.Future[Answer]
    tries: int = 0

    def message(self, now: float) -> Job:
        """Return the job as a message to a worker. now: on the loop's clock."""
        return Job(self.deadline - now, self.request, *self.files)

    def fail(self, error: Exception) -> None:
        """Raise the error in the job's caller, unless the job has an outcome."""
        if not self.outcome.done():
            self.outcome.set_exception(error)


class JobQueue:
    """Jobs that wait for workers, with places for a limited number. Running jobs hold places too.

    Callers only wait for a future, so a caller that is cancelled does not affect a worker.
    """

    def __init__(
        self, *, workers: int, queue: int, deadline_seconds: float, patience: tuple[float, float] = PATIENCE
    ) -> None:
        """queue: the number of jobs that may wait while all workers are busy. patience: see PATIENCE."""
        self._workers, self._least_patience, self._most_patience = workers, *patience
        self._deadline_seconds = deadline_seconds
        self._turns: Turns[QueuedJob] = Turns(workers + queue)
        self._entrance = Entrance(self._turns.has_room, workers + queue)
        self._idle: set[asyncio.Future[None]] = set()

    def change(self, *, queue: int, deadline_seconds: float) -> None:
        """Use other limits for new jobs. Waiting jobs keep their places and deadlines."""
        self._turns.places = self._entrance.most = self._workers + queue
        self._deadline_seconds = deadline_seconds
        self._entrance.call_next()

    @property
    def waiting(self) -> int:
        """The number of jobs that wait for a worker."""
        return self._turns.waiting

    @property
    def running(self) -> int:
        """The number of jobs that a worker is running."""
        return self._turns.running

    # For callers.

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
        """Queue a job and return a worker's answer; see Pool.run."""
        loop = asyncio.get_running_loop()
        now, seconds = loop.time(), self._deadline_seconds
        admitted_at, deadline = time.perf_counter(), now + seconds
        job = QueuedJob(owner, request_id, request, (image, mask), admitted_at, deadline, loop.create_future())
        await self._add(job)
        too_late = loop.call_at(now + _WAITING_SHARE * seconds, self._reject, job)
        try:
            return await job.outcome
        finally:
            too_late.cancel()
            self._withdraw(job)
            if not job.outcome.cancelled():
                job.outcome.exception()  # marks it as retrieved, even if the caller is cancelled at this moment

    async def _add(self, job: QueuedJob) -> None:
        """Add the job to the queue. Its caller was admitted before its files arrived; the queue may be full by now."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience()
        while True:
            try:
                displaced = self._turns.add(job)
                break
            except NoTurn:
                if not await self._called(job.owner, end - loop.time(), first=True):
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
                self._entrance.call_next()  # calls another caller in its place
            raise
        finally:
            self._entrance.leave(caller)
        return called.done() or self._turns.has_room(owner)

    def _patience(self) -> float:
        """Return how many seconds to wait for a place."""
        seconds = _PLACES_AWAITED * self._turns.mean_seconds / self._workers
        return min(max(seconds, self._least_patience), self._most_patience)

    def _withdraw(self, job: QueuedJob) -> bool:
        withdrawn = self._turns.withdraw(job)
        if withdrawn:
            self._entrance.call_next()
        return withdrawn

    def _reject(self, job: QueuedJob) -> None:
        if self._withdraw(job):
            job.fail(self._full())

    def _full(self) -> PoolFull:
        jobs = self._turns.waiting + self._turns.running + len(self._entrance)
        return PoolFull(max(1, math.ceil(self._turns.mean_seconds * jobs / self._workers)))

    def _wake(self) -> None:
        for woken in self._idle:
            if not woken.done():
                woken.set_result(None)

    # For workers.

    def take(self) -> QueuedJob | None:
        """Start the next job; None if no job waits."""
        return self._turns.take()

    async def wait(self, gone: asyncio.Future[Any], seconds: float) -> bool:
        """Wait for a job or until `gone` is done. Returns False if neither happened within that time."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.add(woken)
        try:
            return await first_of((woken, gone), seconds)
        finally:
            self._idle.discard(woken)

    def finish(self, job: QueuedJob, seconds: float, *, is_typical: bool) -> None:
        """End a job that `take` has started. seconds: its use of a worker. is_typical: see Turns.finish."""
        self._turns.finish(job, seconds, is_typical=is_typical)
        self._entrance.call_next()

    def retry(self, job: QueuedJob) -> None:
        """Put a job back in its place, because its worker was lost before it started the job."""
        job.tries += 1
        self._turns.put_back(job)
        if job.outcome.done():
            self._withdraw(job)
        self._wake()

    def drain(self) -> None:
        """Fail all waiting jobs, because there are no more workers."""
        for job in self._turns.drain():
            job.fail(JobCrashed())


async def first_of(futures: Iterable[asyncio.Future[Any]], seconds: float) -> bool:
    """Wait until one of the futures is done. Returns whether that was in time."""
    done, _ = await asyncio.wait(set(futures), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)
