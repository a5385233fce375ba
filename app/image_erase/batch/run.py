"""Process the images of a plan in parallel and record the outcome."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from image_erase.batch.failures import EraserFailed, Failure, PictureFailed, PlanError
from image_erase.batch.files import Inputs, Outputs
from image_erase.batch.plan import Task, Work
from image_erase.batch.report import Progress, Record, shown
from image_erase.contract.errors import Code
from image_erase.imaging.header import format_of

# Less than the 30 s after which Kubernetes kills.
_LAST_SECONDS = 10

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Erased:
    """A result file. empty_mask: whether the mask is known to erase nothing."""

    data: bytes
    empty_mask: bool = False


class PictureEraser(Protocol):
    """Erases from images, several in parallel, while its context is entered."""

    async def __aenter__(self) -> Self:
        """Start. Raises EraserFailed."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Abort what is still in progress."""

    async def erase(self, image: bytes, mask: bytes) -> Erased:
        """Return the image file without what is white in the mask. Raises PictureFailed."""


class _Shared:
    """The tasks that are left, taken one by one. A store is listed in a thread meanwhile."""

    def __init__(self, tasks: Iterator[Task]) -> None:
        self._tasks, self._lock = tasks, asyncio.Lock()

    async def next(self) -> Task | None:
        """Return the next task, None at the end. Raises _Stop if no more can be found."""
        async with self._lock:
            try:
                return await asyncio.to_thread(next, self._tasks, None)
            except PlanError as error:
                raise _Stop(str(error)) from None


class _Stop(Exception):
    """Every other image would fail too."""


@dataclass
class Run:
    """One run. Cancelling it aborts the images in progress; finished files stay."""

    work: Work
    eraser: PictureEraser
    inputs: Inputs
    outputs: Outputs
    record: Record
    progress: Progress

    async def all(self, jobs: int) -> None:
        """Process all tasks. jobs: number of parallel tasks."""
        tasks = _Shared(self.work.pending())
        try:
            async with self.eraser, asyncio.TaskGroup() as group:
                for _ in range(jobs):
                    group.create_task(self._several(tasks))
        except* (EraserFailed, _Stop) as reasons:
            self.record.stopped = str(reasons.exceptions[0])

    async def _several(self, tasks: "_Shared") -> None:
        while task := await tasks.next():
            try:
                await self._one(task)
            except PictureFailed as error:
                self._failed(task, error.failure)
            except Exception as error:
                # A bug in this program must not end the run for all other images.
                log.exception("erasing failed")
                self._failed(task, Failure(Code.UNKNOWN_ERROR.name, f"{type(error).__name__}: {error}"))

    async def _one(self, task: Task) -> None:
        if task.failure:
            raise PictureFailed(task.failure)
        assert task.mask
        image = await asyncio.to_thread(self.inputs.read, task.image, "image")
        mask = await asyncio.to_thread(self.inputs.read, task.mask, "mask")
        result = await self.eraser.erase(image, mask)
        await _to_its_end(self._keep(task, result))

    async def _keep(self, task: Task, result: Erased) -> None:
        place = self.work.output_for(task, format_of(result.data[:16]) or "PNG")
        if place is None:
            self.progress.advance()
            return
        await asyncio.to_thread(self.outputs.write, place, result.data)
        self.record.erased += 1
        self.progress.advance()
        if result.empty_mask:
            self.record.empty_masks += 1
            self.progress.say(f"{shown(task.image)}: unchanged, because the mask erases nothing")

    def _failed(self, task: Task, failure: Failure) -> None:
        self.record.failures.append((task, failure))
        self.progress.advance()
        self.progress.failed(task, failure)
        if failure.fatal:
            raise _Stop(failure.message)


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Finish the work even if cancelled, so that a written file is always recorded as written.

    A store that hangs is not waited for.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_LAST_SECONDS)
        raise
