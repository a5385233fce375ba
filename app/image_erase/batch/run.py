"""Process the images of a plan in parallel and record the outcome."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from image_erase.batch.failures import OUTPUT_EXISTS, WRONG_SUFFIX, EraserFailed, Failure, PictureFailed
from image_erase.batch.files import Inputs, Outputs
from image_erase.batch.plan import Plan, Task
from image_erase.batch.report import Progress, Record, shown
from image_erase.batch.sources import result_name, suffix_mismatch
from image_erase.contract.errors import Code
from image_erase.imaging.header import format_of

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
        """Return the image file without what the mask paints white. Raises PictureFailed."""


class _Stop(Exception):
    """Every other image would fail too."""


@dataclass
class Run:
    """One run. Cancelling it aborts the images in progress; finished files stay."""

    plan: Plan
    eraser: PictureEraser
    inputs: Inputs
    outputs: Outputs
    record: Record
    progress: Progress

    async def all(self, jobs: int) -> None:
        """Process all tasks. jobs: number of parallel tasks."""
        tasks = iter(self.plan.to_do)
        try:
            async with self.eraser, asyncio.TaskGroup() as group:
                for _ in range(jobs):
                    group.create_task(self._several(tasks))
        except* (EraserFailed, _Stop) as reasons:
            self.record.stopped = str(reasons.exceptions[0])

    async def _several(self, tasks: Iterator[Task]) -> None:
        for task in tasks:
            try:
                await self._one(task)
            except PictureFailed as error:
                self._failed(task, error.failure)
            except Exception as error:
                # A bug in this program must not end the run for all other images.
                log.exception("erasing failed")
                self._failed(task, Failure(Code.UNKNOWN_ERROR.name, f"{type(error).__name__}: {error}"))

    async def _one(self, task: Task) -> None:
        assert task.mask
        image = await asyncio.to_thread(self.inputs.read, task.image, "image")
        mask = await asyncio.to_thread(self.inputs.read, task.mask, "mask")
        result = await self.eraser.erase(image, mask)
        await _to_its_end(self._keep(task, result))

    async def _keep(self, task: Task, result: Erased) -> None:
        await asyncio.to_thread(self.outputs.write, self._place(task, result.data), result.data)
        self.record.erased += 1
        self.progress.advance()
        if result.empty_mask:
            self.record.empty_masks += 1
            self.progress.say(f"{shown(task.image)}: unchanged, because the mask erases nothing")

    @cached_property
    def _expected(self) -> frozenset[Path | None]:
        return frozenset(task.output for task in self.plan.tasks)

    def _place(self, task: Task, result: bytes) -> Path:
        """Return the path for a result by its first bytes: a server may return another format than expected."""
        assert task.output
        result_format = format_of(result[:16]) or "PNG"
        if not self.plan.is_folder:
            mismatch = suffix_mismatch(task.output, result_format)
            if mismatch:
                raise PictureFailed(Failure(WRONG_SUFFIX, mismatch))
            return task.output
        place = result_name(task.output, result_format)
        if place != task.output and place in self._expected:
            raise PictureFailed(Failure(OUTPUT_EXISTS, f"{place}: is the output of another image"))
        return place

    def _failed(self, task: Task, failure: Failure) -> None:
        self.record.failures.append((task, failure))
        self.progress.advance()
        self.progress.failed(task, failure)
        if failure.fatal:
            raise _Stop(failure.message)


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Finish the work even if cancelled, so that a written file is always recorded as written."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
