"""Run a job in a worker and turn its failures into the vendor's error codes."""

import time
from typing import Protocol

from starlette.types import Scope

from image_erase.access.admission import busy, unread
from image_erase.contract.errors import ApiError, Code
from image_erase.http.edge import note, request_ids, stage
from image_erase.http.failures import HttpFailure
from image_erase.http.files import Part
from image_erase.jobs.messages import Done, Failed, Place
from image_erase.jobs.pool import Answer, JobCrashed, JobTimeout, Pool, PoolFull
from image_erase.jobs.request import JobRequest
from image_erase.observer import UNOBSERVED, Observer
from image_erase.shares import Holding, NoRoom, Shares


class Order(Protocol):
    """A request for a job: two files, options, and the words for what is wrong with them."""

    @property
    def image(self) -> Part: ...  # noqa: D102
    @property
    def mask(self) -> Part: ...  # noqa: D102
    @property
    def wanted(self) -> JobRequest: ...  # noqa: D102
    def error(self, failed: Failed) -> HttpFailure:
        """Return the error for the failed job, in the field names that the client used."""


class Result:
    """A result in memory until it is closed. waited: seconds that the job waited for a worker."""

    def __init__(self, done: Done, holding: Holding, waited: float = 0.0) -> None:
        self.done, self.holding, self.waited = done, holding, waited

    def reduce_to_part(self) -> Place | None:
        """Keep only the changed part and release the memory of the whole. Returns its place; None if there is none."""
        done, place = self.done, self.done.place
        if place:
            self.holding.shrink(len(done.data))
            self.done = Done(place.suffix, done.facts, done.part)
        return place

    def close(self) -> None:
        """Release the memory."""
        self.holding.close()


class Erasing:
    """Submits jobs to the pool. answers: the memory for results until they have been stored or sent."""

    def __init__(self, pool: Pool, answers: Shares, observer: Observer = UNOBSERVED) -> None:
        self._pool, self._answers, self._observer = pool, answers, observer

    async def erase(self, scope: Scope, key: str, order: Order) -> Result:
        """Run the job and add what the worker reports to the log line of the request. Raises HttpFailure."""
        done, waited = await self._done(scope, key, order)
        facts = done.facts
        note(scope, **{**vars(facts), "format_reasons": ", ".join(facts.format_reasons) or None})
        self._observer.job_done(facts.seconds, facts.engines)
        return self._held(done, key, waited)

    async def check(self, scope: Scope, key: str, order: Order) -> Done:
        """Run a job that only checks its image. Raises HttpFailure."""
        done, _ = await self._done(scope, key, order)
        note(scope, width=done.facts.width, height=done.facts.height)
        return done

    async def _done(self, scope: Scope, key: str, order: Order) -> tuple[Done, float]:
        """Run a job. Returns what the worker has answered, and the seconds that the job waited for one."""
        answer = await self._answer(key, order, request_ids(scope).request_id)
        _note_stages(scope, answer, time.perf_counter())
        note(scope, queue_ms=_milliseconds(answer.waited), work_ms=_milliseconds(answer.worked))
        if isinstance(answer.outcome, Failed):
            raise order.error(answer.outcome)
        return answer.outcome, answer.waited

    async def _answer(self, key: str, order: Order, request_id: str) -> Answer:
        try:
            return await self._pool.run(
                order.wanted, order.image.data, order.mask.data, owner=key, request_id=request_id
            )
        except PoolFull as full:
            raise busy(full.retry_after) from None
        except JobTimeout:
            raise ApiError(Code.AI_SERVICE_TIMEOUT, "Processing took too long.") from None
        except JobCrashed:
            raise ApiError(Code.PROCESSING_FAILURE, "Processing failed.") from None

    def _held(self, done: Done, key: str, waited: float) -> Result:
        holding = self._answers.open(key)
        try:
            holding.grow(len(done.data) + len(done.part))
        except NoRoom:
            holding.close()
            raise unread() from None
        return Result(done, holding, waited)


def _note_stages(scope: Scope, answer: Answer, now: float) -> None:
    """Add the stages of a job: its time in the queue, and the times that the worker reports, one after the other."""
    at = now - answer.worked
    stage(scope, "queue", at, answer.waited)
    if isinstance(answer.outcome, Failed):
        return
    facts = answer.outcome.facts
    for name, seconds in facts.seconds.items():
        at += seconds
        more = {"image_erase.engine": facts.engine} if name == "erase" and facts.engine else {}
        stage(scope, name, at, seconds, **more)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
