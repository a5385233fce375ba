"""Work through the regions of a hole within the available time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from image_erase.erasure import plan, regions
from image_erase.erasure.canvas import Canvas
from image_erase.erasure.context import NEAR
from image_erase.erasure.plan import Job, Step
from image_erase.erasure.regions import Region

CAUTION = 0.8
"""Share of the available time that a new plan for the remaining work may use."""


def scheduled(canvas: Canvas, parts: Sequence[Region], way: Sequence[Step]) -> Iterator[tuple[Job, bool]]:
    """Plan the parts, and yield one job after the other, with whether it is worth a layout.

    Each job must be finished before the next is requested. Whenever the time does not suffice for all remaining work
    at the pace so far, the rest is planned again with the next coarser steps; parts for which no step is fast enough
    stay pending. Raises LateError if no time is left.
    """
    planned = plan.jobs(parts, canvas.shape, way, channels=canvas.image.shape[2]) or []
    remaining = deque(zip(planned, plan.guided(planned), strict=True))
    if planned:
        canvas.guess()
    started = False
    while remaining:
        canvas.budget.check()
        canvas.budget.reserved = 0.0
        if not canvas.budget.affords(_seconds(remaining)):
            # Properties of the regions are kept as long as the regions are the same.
            parts = regions.group(canvas.pending, NEAR) if started else parts
            remaining = _replanned(canvas, parts, way)
            if not remaining:
                return
        started = True
        job, guided = remaining.popleft()
        canvas.budget.reserved = _seconds(remaining)
        yield job, guided


def _replanned(canvas: Canvas, parts: Sequence[Region], way: Sequence[Step]) -> deque[tuple[Job, bool]]:
    most = min(plan.LONGEST, CAUTION * canvas.budget.affordable)
    jobs = plan.jobs(parts, canvas.shape, way, channels=canvas.image.shape[2], most=most) or []
    return deque((job, False) for job in jobs)


def _seconds(remaining: Iterable[tuple[Job, bool]]) -> float:
    return sum(job.seconds for job, _ in remaining)
