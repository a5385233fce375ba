"""Erase by worker processes on this machine: an image that crashes its worker does not affect the others."""

from types import TracebackType
from typing import Self

from image_erase.batch.failures import EraserFailed, Failure, PictureFailed
from image_erase.batch.run import Erased
from image_erase.contract.errors import Code
from image_erase.contract.failures import FAILURE_CODES, failure_detail
from image_erase.jobs.messages import Failed
from image_erase.jobs.options import JobOptions
from image_erase.jobs.pool import JobCrashed, JobTimeout, Pool, PoolFull
from image_erase.jobs.process import WorkerDied
from image_erase.jobs.request import JobRequest

# A job may meet a worker that is being restarted, but not several times in a row.
_TRIES = 3


class LocalEraser:
    """Erases with one worker per parallel image, so that no image waits and each has the whole deadline."""

    def __init__(self, options: JobOptions, *, workers: int, deadline_seconds: float) -> None:
        self._pool = Pool(options, workers=workers, queue=0, deadline_seconds=deadline_seconds)

    async def __aenter__(self) -> Self:
        """Start the workers. Raises EraserFailed."""
        try:
            await self._pool.start()
        except WorkerDied as error:
            raise EraserFailed(str(error)) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill the workers."""
        await self._pool.stop()

    async def erase(self, image: bytes, mask: bytes) -> Erased:
        """See PictureEraser."""
        for attempt in range(1, _TRIES + 1):
            try:
                answer = await self._pool.run(JobRequest(), image, mask)
            except PoolFull:
                continue
            except JobTimeout:
                raise _failed(Code.AI_SERVICE_TIMEOUT, "Processing took too long.", attempt) from None
            except JobCrashed:
                raise _failed(Code.PROCESSING_FAILURE, "The worker crashed on this image.", attempt) from None
            if isinstance(answer.outcome, Failed):
                raise _refused(answer.outcome, attempt)
            return Erased(bytes(answer.outcome.data), answer.outcome.facts.empty_mask is True)
        raise _failed(Code.EXCEEDING_LIMITS, "No worker could be started.", _TRIES)


def _refused(failed: Failed, attempt: int) -> PictureFailed:
    return _failed(FAILURE_CODES[failed.failure], failure_detail(failed, failed.subject), attempt)


def _failed(code: Code, message: str, attempts: int) -> PictureFailed:
    return PictureFailed(Failure(code.name, message, attempts=attempts))
