"""How a region is filled by copying: how much of the picture around it is looked at, how far it is shrunk, how hard.

Costs are predicted from sizes alone, so that the same picture and hole always give the same result.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from image_erase.erasure import regions
from image_erase.erasure.copying import EFFORTS, FAST, Copying, Effort, EffortName
from image_erase.erasure.regions import Region

NEAR = 128
"""Parts of the hole with fewer known pixels between them are filled together."""

LEAST_CONTEXT = 48
"""Pixels of the picture that are looked at around the thinnest part."""

CONTEXT = 2.0
"""Further context in widths of the region's widest place."""

FINEST_WIDTH = 16.0
"""A region is not shrunk so far that its widest place has fewer pixels; it is cut into tiles instead."""

COARSER = ((1.0, 1), (0.5, 1), (0.25, 2), (0.1, 2), (0.5, 3), (0.1, 3))
"""The way down: shares of the targets, and how roughly the seams of shrunken regions are evened out."""

PIXELS_PER_LOOK = 24_000
"""Hole pixels, after shrinking, for each of which a layout network is asked once: it takes as long as copying half of
them."""

LONGEST = 8.0
"""Predicted seconds for the whole picture; a plan that takes longer is made coarser."""


@dataclass(frozen=True)
class Step:
    """One step of the way from the best plan down to the quickest.

    targets: hole pixels per region after shrinking. side: the context's longer side after shrinking. coarseness: of
    what evens out the seams of shrunken regions.
    """

    effort: Effort
    targets: int
    side: int
    coarseness: int = 0


@dataclass(frozen=True)
class Job:
    """A region with its context, to be filled after shrinking it by `factor` (1: as it is).

    channels: how many are painted. coarseness: of what evens out the seams.
    """

    region: Region
    factor: int
    effort: Effort
    channels: int = 3
    coarseness: int = 0

    @property
    def engine(self) -> Copying:
        """What fills it."""
        return Copying(self.factor, self.effort, coarseness=self.coarseness)

    @functools.cached_property
    def seconds(self) -> float:
        """Predicted time."""
        return self.engine.seconds(self.region, self.channels)


def steps(effort: EffortName, side: int, seed: int = 0) -> list[Step]:
    """The way down for an effort and the longest side at which patches are compared.

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
    """Plan the regions by the first step that takes at most `most` predicted seconds; None when none does.

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
    """Which jobs are worth a layout: the thickest, one for every PIXELS_PER_LOOK that are filled, at least one."""
    most = max(1, round(sum(job.region.area / job.factor**2 for job in jobs) / PIXELS_PER_LOOK))
    if len(jobs) <= most:
        return [True] * len(jobs)
    order = sorted(range(len(jobs)), key=lambda i: -jobs[i].region.half_width)
    return [i in order[:most] for i in range(len(jobs))]


def _planned(parts: Sequence[Region], shape: tuple[int, int], step: Step, channels: int) -> Iterator[Job]:
    for part in parts:
        width = 2 * part.half_width
        margin = int(LEAST_CONTEXT + CONTEXT * width)
        most = max(1, int(width / FINEST_WIDTH))
        for tile in _tiles(part, margin, shape, most * step.side):
            region = regions.with_context(tile, margin, shape)
            factor = max(math.sqrt(tile.area / step.targets), region.side / step.side)
            yield Job(region, min(most, math.ceil(factor)), step.effort, channels, step.coarseness)


def _tiles(part: Region, margin: int, shape: tuple[int, int], side: int) -> Iterable[Region]:
    """The part, cut where that is needed for its context to be at most `side` long."""
    if regions.with_context(part, margin, shape).side <= side:
        return (part,)
    return regions.tiles(part, max(side - 2 * margin, side // 2))
