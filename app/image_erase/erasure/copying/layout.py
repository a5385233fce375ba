"""Follow a layout: what somebody expects the hole to hide, in structure and colour but not in texture.

At the coarsest level it stands for the first guess. At all levels but the finest every vote is pulled towards it, so
that the patches that are found next continue the layout's structures; what is copied in the end is the picture's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, U8, Bool, Check
from image_erase.erasure.copying.pyramid import Level, halve_known

FINE, COARSE = 0.75, 0.4
"""Share of the layout in a vote at the second finest and at the coarsest level: the coarser, the more of what
surrounds the hole is in each patch, and the better the patches know themselves."""

COARSENESS = 0.7
"""Pixels of a level: the standard deviation of the blur whose result is pulled. A layout is smoother than the picture,
and would make the votes so."""

LEAST_INSIDE = 1e-3


@dataclass(frozen=True)
class Layout:
    """What a hole may hide.

    colours: HxWx3 uint8 BGR, smooth. trust: HxW float32, 0..1, how much of it is to be believed; 0 where nothing is
    laid out.
    """

    colours: U8
    trust: F32


class Layouts(Protocol):
    """What lays out holes."""

    def lay_out(self, guide: U8, hole: Bool, known: Bool, check: Check) -> Layout | None:
        """Lay out `hole` (HxW) in `guide` (HxWx3 BGR), of which only the `known` pixels count; None where that is
        of no use. `check` may raise to interrupt."""
        ...


@dataclass(frozen=True)
class Pull:
    """A layout at one level. colours: 3xN Y, Cr, Cb of the level's hole pixels; trust, share: N, 0..1."""

    colours: F32
    trust: F32
    share: F32

    def start(self, level: Level) -> None:
        """Put the layout where the first guess is, as far as it is trusted."""
        hole = level.hole
        for plane, wanted in zip(level.planes, self.colours, strict=False):
            there = plane[hole]
            plane[hole] = there + self.trust * (wanted - there)

    def apply(self, level: Level) -> None:
        """Move the hole's colours towards the layout's, but only what is larger than COARSENESS: texture stays."""
        hole = level.hole
        inside = np.maximum(_blurred(hole.astype(np.float32))[hole], LEAST_INSIDE)
        change = np.zeros(hole.shape, np.float32)
        for plane, wanted in zip(level.planes, self.colours, strict=False):
            change[hole] = self.share * (wanted - plane[hole])
            plane[hole] += _blurred(change)[hole] / inside


def _blurred(plane: F32) -> F32:
    """Blurred by COARSENESS; nothing beyond the border counts."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), COARSENESS, borderType=cv2.BORDER_CONSTANT), np.float32)


def pulls(layout: Layout | None, levels: Sequence[Level]) -> list[Pull | None]:
    """The layout at each of the levels, finest first; None at the finest, and everywhere where there is no layout."""
    found: list[Pull | None] = [None] * len(levels)
    if layout is None:
        return found
    planes = np.stack(cv2.split(cv2.cvtColor(layout.colours, cv2.COLOR_BGR2YCrCb))).astype(np.float32)
    trust = layout.trust
    for number in range(1, len(levels)):
        laid_out = (trust > 0).astype(np.float32)
        planes, trust = halve_known(planes, laid_out), halve_known(trust[None], laid_out)[0]
        hole = levels[number].hole
        share = FINE + (COARSE - FINE) * (number - 1) / max(1, len(levels) - 2)
        found[number] = Pull(planes[:, hole], trust[hole], trust[hole] * np.float32(share))
    return found
