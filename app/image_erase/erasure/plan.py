"""Plan how regions are filled by copying: how much context they get, how far they are reduced, with how much effort.

Costs are predicted from sizes alone, so that the same picture and hole always give the same result.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from image_erase.erasure import regions
from image_erase.erasure.context import context
from image_erase.erasure.copying import EFFORTS, FAST, Copying, Effort, EffortName
from image_erase.erasure.regions import Region

FINEST_WIDTH = 16.0
"""Least pixels of the region's greatest width after reduction; a region that would need more is cut into tiles."""

COARSER = ((1.0, 1), (0.5, 1), (0.25, 2), (0.1, 2), (0.5, 3), (0.1, 3))
"""The steps from best to fastest: shares of the targets, and how roughly the seams of reduced regions are blended."""

PIXELS_PER_LOOK = 24_000
"""Hole pixels after reduction for each run of the layout network, which takes as long as copying half of them."""

LONGEST = 8.0
"""Predicted seconds for the whole picture; longer plans are made coarser."""


@dataclass(frozen=True)
class Step:
    """One step from the best plan to the fastest.

    targets: hole pixels per region after reduction. side: the context's longer side after reduction. coarseness: how
    roughly the seams of reduced regions are blended.
    """

    effort: Effort
    targets: int
    side: int
    coarseness: int = 0


@dataclass(frozen=True)
class Job:
    """A region with its context, to be filled after reducing it by `factor` (1: at full size).

    channels: how many are painted. coarseness: how roughly the seams are blended.
    """

    region: Region
    factor: int
    effort: Effort
    channels: int = 3
    coarseness: int = 0

    @property
    def engine(self) -> Copying:
        """The engine that fills it."""
        return Copying(self.factor, self.effort, coarseness=self.coarseness)

    @functools.cached_property
    def seconds(self) -> float:
        """The predicted time."""
        return self.engine.seconds(self.region, self.channels)


def steps(effort: EffortName, side: int, seed: int = 0) -> list[Step]:
    """The steps for an effort and the longest side at which patches are compared.

    seed: of the random numbers.
    """
    best = replace(EFFORTS[effort], seed=seed)
    targets = best.targets * side**2
    way = [Step(best, int(targets), side)]
    for share, coarseness in COARSER:
        coarser = best if share == 1 else replace(FAST, seed=seed)
        way.append(Step(coarser, int(targets * share), max(256, int(side * math.sqrt(share))), coarseness))
    return way


def jobs(
    parts: Sequence[Region], shape: tuple[int, int], way: Sequence[Step], *, channels: int = 3, most: float = LONGEST
) -> list[Job] | None:
    """Plan the regions by the first step that takes at most `most` predicted seconds; None if no step does.

    channels: how many are painted in each region.
    """
    for step in way:
        planned: list[Job] = []
        seconds = 0.0
        for job in _planned(parts, shape, step, channels):
            planned.append(job)
            seconds += job.seconds
            if seconds > most:
                break
        else:
            return planned
    return None


def guided(jobs: Sequence[Job]) -> list[bool]:
    """The jobs that are worth a layout: the thickest, one per PIXELS_PER_LOOK filled pixels, at least one."""
    most = max(1, round(sum(job.region.area / job.factor**2 for job in jobs) / PIXELS_PER_LOOK))
    if len(jobs) <= most:
        return [True] * len(jobs)
    order = sorted(range(len(jobs)), key=lambda i: -jobs[i].region.half_width)
    return [i in order[:most] for i in range(len(jobs))]


def _planned(parts: Sequence[Region], shape: tuple[int, int], step: Step, channels: int) -> Iterator[Job]:
    for part in parts:
        width = 2 * part.half_width
        margin = int(context(width))
        most = max(1, int(width / FINEST_WIDTH))
        for tile in _tiles(part, margin, shape, most * step.side):
            region = regions.with_context(tile, margin, shape)
            factor = max(math.sqrt(tile.area / step.targets), region.side / step.side)
            yield Job(region, min(most, math.ceil(factor)), step.effort, channels, step.coarseness)


def _tiles(part: Region, margin: int, shape: tuple[int, int], side: int) -> Iterable[Region]:
    """The part, cut into tiles if its context would otherwise be longer than `side`."""
    if regions.with_context(part, margin, shape).side <= side:
        return (part,)
    return regions.tiles(part, max(side - 2 * margin, side // 2))
