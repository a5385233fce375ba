"""Follow a layout: a prediction of what the hole hides, in structure and colour but not in texture.

At the coarsest level the layout is the first guess. At all levels except the finest, every vote is pulled towards it,
so that the patches found next continue its structures. What is copied in the end comes from the picture alone.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, U8, Bool, Check
from image_erase.erasure.copying.pyramid import Level, halve_known
from image_erase.erasure.regions import Box, extent

FINE, COARSE = 0.9, 0.65
"""Share of the layout in a vote at the second finest and at the coarsest level. At coarser levels each patch covers
more of the hole's surroundings, so the patches need less guidance."""

COARSENESS = 0.7
"""Standard deviation, in pixels of a level, of the blur whose result is pulled: a layout is smoother than the picture
and would otherwise smooth the votes."""

LEAST_INSIDE = 1e-3


@dataclass(frozen=True)
class Layout:
    """What a hole may hide.

    colours: HxWx3 uint8 BGR, smooth. trust: HxW float32, 0..1, the weight of each pixel; 0 where there is no layout.
    scale: pixels per pixel of the network, at least 1; 0 if the layout says nothing of the brightness of the hole.
    """

    colours: U8
    trust: F32
    scale: float = 0.0


class Layouts(Protocol):
    """Predicts layouts."""

    def lay_out(self, guide: U8, hole: Bool, known: Bool, check: Check) -> Layout | None:
        """Predict the layout of `hole` (HxW) in `guide` (HxWx3 BGR), of which only the `known` pixels are used.

        Returns None if a layout would be of no use. `check` may raise to interrupt.
        """
        ...


@dataclass(frozen=True)
class Pull:
    """A layout at one level.

    hole: of the level, cut to its bounding `box`. colours: 3xN Y, Cr, Cb of its pixels; trust, share: N, 0..1.
    """

    box: Box
    hole: Bool
    colours: F32
    trust: F32
    share: F32

    def start(self, level: Level) -> None:
        """Blend the layout into the first guess, by its trust."""
        for plane, wanted in zip(level.planes, self.colours, strict=False):
            there = plane[self.box]
            values = there[self.hole]
            there[self.hole] = values + self.trust * (wanted - values)

    def apply(self, level: Level) -> None:
        """Pull the hole's colours towards the layout's at scales above COARSENESS; texture stays."""
        change = np.zeros(self.hole.shape, np.float32)
        for plane, wanted in zip(level.planes, self.colours, strict=False):
            there = plane[self.box]
            values = there[self.hole]
            change[self.hole] = self.share * (wanted - values)
            there[self.hole] = values + blurred(change)[self.hole] / self._inside

    @functools.cached_property
    def _inside(self) -> F32:
        """The share of the blur's weight that lies inside the hole, for each of its pixels."""
        return np.maximum(blurred(self.hole.astype(np.float32))[self.hole], LEAST_INSIDE)


def blurred(plane: F32, deviation: float = COARSENESS) -> F32:
    """Blur HxW; everything outside the border counts as 0. deviation: standard deviation in pixels."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), deviation, borderType=cv2.BORDER_CONSTANT), np.float32)


def pulls(layout: Layout | None, levels: Sequence[Level]) -> list[Pull | None]:
    """The layout at each of the levels, finest first; None at the finest level, and at all levels without a layout."""
    found: list[Pull | None] = [None] * len(levels)
    if layout is None:
        return found
    planes = np.stack(cv2.split(cv2.cvtColor(layout.colours, cv2.COLOR_BGR2YCrCb))).astype(np.float32)
    trust = layout.trust
    for number in range(1, len(levels)):
        laid_out = (trust > 0).astype(np.float32)
        planes, trust = halve_known(planes, laid_out), halve_known(trust[None], laid_out)[0]
        box = extent(levels[number].hole)
        assert box
        hole = levels[number].hole[box]
        share = FINE + (COARSE - FINE) * (number - 1) / max(1, len(levels) - 2)
        sure = trust[box][hole]
        found[number] = Pull(box, hole, planes[:, *box][:, hole], sure, sure * np.float32(share))
    return found
