"""Process the images of a plan in parallel and record the outcome."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from image_erase.batch.eraser import PictureEraser
from image_erase.batch.failures import OUTPUT_EXISTS, EraserFailed, Failure, PictureFailed
from image_erase.batch.files import Inputs, Outputs
from image_erase.batch.pictures import result_name
from image_erase.batch.plan import Plan, Task
from image_erase.batch.progress import Progress
from image_erase.batch.record import Record
from image_erase.contract.errors import Code
from image_erase.imaging.header import format_of

log = logging.getLogger(__name__)


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

    async def _keep(self, task: Task, result: bytes) -> None:
        await asyncio.to_thread(self.outputs.write, self._place(task, result), result)
        self.record.erased += 1
        self.progress.advance()

    @cached_property
    def _expected(self) -> frozenset[Path | None]:
        return frozenset(task.output for task in self.plan.tasks)

    def _place(self, task: Task, result: bytes) -> Path:
        """Return the path for a result by its first bytes: a server may return another format than expected."""
        assert task.output
        if not self.plan.is_folder:
            return task.output
        place = result_name(task.output, format_of(result[:16]) or "PNG")
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
