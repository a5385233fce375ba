"""How a region is filled by copying: how much of the picture around it is looked at, how far it is shrunk, how hard.

Costs are predicted from sizes alone, so that the same picture and hole always give the same result.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

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

SECONDS_PER_FILL = 0.03
SECONDS_PER_TARGET = 12e-6
SECONDS_PER_SOURCE = 0.4e-6
SECONDS_PER_PIXEL = 0.8e-6
"""One core of about 3 GHz: per region, shrunken pixel whose patch touches the hole, shrunken context pixel,
full-resolution hole pixel."""

PATCH = 7
"""Side of the patches that are compared; a pixel closer to the hole than half of it has to be matched too."""

COARSER = (0.5, 0.25, 0.1)
"""Shares of the targets on the way down."""

PIXELS_PER_LOOK = 24_000
"""Hole pixels, after shrinking, for each of which a layout network is asked once: it takes as long as copying half of
them."""

LONGEST = 8.0
"""Predicted seconds for the whole picture; a plan that takes longer is made coarser."""


@dataclass(frozen=True)
class Step:
    """One step of the way from the best plan down to the quickest.

    targets: hole pixels per region after shrinking. side: the context's longer side after shrinking.
    """

    effort: Effort
    targets: int
    side: int


@dataclass(frozen=True)
class Job:
    """A region with its context, to be filled after shrinking it by `factor` (1: as it is)."""

    region: Region
    factor: int
    effort: Effort

    @property
    def engine(self) -> Copying:
        """What fills it."""
        return Copying(self.factor, self.effort)

    @property
    def seconds(self) -> float:
        """Predicted time."""
        patch = (PATCH - 1) * self.factor + 1
        reached = cv2.dilate(self.region.hole.view(np.uint8), np.ones((patch, patch), np.uint8))
        touched = int(np.count_nonzero(reached))
        shrunk = SECONDS_PER_TARGET * touched + SECONDS_PER_SOURCE * self.region.hole.size
        detail = SECONDS_PER_PIXEL * self.region.area if self.factor > 1 else 0.0
        return SECONDS_PER_FILL + shrunk / self.factor**2 + detail


def steps(effort: EffortName, side: int, seed: int = 0) -> list[Step]:
    """The way down for an effort and the longest side at which patches are compared.

    seed: of the random numbers.
    """
    best = replace(EFFORTS[effort], seed=seed)
    targets = best.targets * side**2
    way = [Step(best, int(targets), side)]
    for share in COARSER:
        coarser = replace(FAST, seed=seed)
        way.append(Step(coarser, int(targets * share), max(256, int(side * math.sqrt(share)))))
    return way


def jobs(parts: Sequence[Region], shape: tuple[int, int], way: Sequence[Step]) -> list[Job] | None:
    """Plan the regions by the first step that is quick enough; None when none is."""
    for step in way:
        planned: list[Job] = []
        seconds = 0.0
        for job in _planned(parts, shape, step):
            planned.append(job)
            seconds += job.seconds
            if seconds > LONGEST:
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


def _planned(parts: Sequence[Region], shape: tuple[int, int], step: Step) -> Iterator[Job]:
    for part in parts:
        width = 2 * part.half_width
        margin = int(LEAST_CONTEXT + CONTEXT * width)
        most = max(1, int(width / FINEST_WIDTH))
        for tile in _tiles(part, margin, shape, most * step.side):
            region = regions.with_context(tile, margin, shape)
            factor = max(math.sqrt(tile.area / step.targets), region.side / step.side)
            yield Job(region, min(most, math.ceil(factor)), step.effort)


def _tiles(part: Region, margin: int, shape: tuple[int, int], side: int) -> Iterable[Region]:
    """The part, cut where that is needed for its context to be at most `side` long."""
    if regions.with_context(part, margin, shape).side <= side:
        return (part,)
    return regions.tiles(part, max(side - 2 * margin, side // 2))
