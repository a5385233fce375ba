"""Lay out the parts of a hole that are thick enough to hide something."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from image_erase.erasure.arrays import U8, Bool, Check
from image_erase.erasure.copying import Layout
from image_erase.erasure.layout.plausibility import believed
from image_erase.erasure.layout.sketch import Sketcher
from image_erase.erasure.layout.squares import Square
from image_erase.erasure.regions import Region

THICK = 7.0
"""Half width in pixels from which a part of the hole is laid out; patches alone do better on less."""

CONTEXT = 2.0
"""Side of the square that the network sees, in longer sides of the part's box."""

LEAST_CONTEXT = 1.25
"""The same at least, where the picture is not large enough for more."""


class LayoutEngine:
    """Lays out holes by a network."""

    def __init__(self, sketcher: Sketcher) -> None:
        """sketcher: the network, loaded."""
        self._sketcher = sketcher

    def lay_out(self, guide: U8, hole: Bool, known: Bool, check: Check) -> Layout | None:
        """Lay out the thick parts of `hole` (HxW), one at a time; None where there is none.

        guide: HxWx3 BGR, of which only the `known` pixels (HxW) count. `check` is called before each part and may
        raise to interrupt.
        """
        parts = _thick_parts(hole)
        if not parts:
            return None
        colours, trust = np.zeros_like(guide), np.zeros(hole.shape, np.uint8)
        for part in parts:
            check()
            self._lay_out(part, guide, known, colours, trust)
        return Layout(colours, trust * np.float32(1 / 255)) if trust.any() else None

    def _lay_out(self, part: Region, guide: U8, known: Bool, colours: U8, trust: U8) -> None:
        square = self._square(part, (guide.shape[0], guide.shape[1]))
        seen, missing = square.shrunk(guide, known, min(square.side, self._sketcher.side))
        sketch = self._sketcher.sketch(seen, missing)
        belief = np.float32(believed(seen, missing, sketch.colours))
        own = np.zeros(known.shape, np.bool_)
        own[part.box] = part.hole
        square.put(sketch.colours, colours, own)
        square.put(np.rint(sketch.confidence * belief).astype(np.uint8), trust, own)

    def _square(self, part: Region, shape: tuple[int, int]) -> Square:
        """What the network sees of a part: CONTEXT times its box, less where that keeps it inside the picture.

        It is never enlarged for the network, which sees more of the surroundings instead.
        """
        wanted = max(round(CONTEXT * part.side), self._sketcher.side)
        inside = min(wanted, *shape)
        side = max(inside, round(LEAST_CONTEXT * part.side), self._sketcher.least)
        return Square.around(part.box, side, shape)


def _thick_parts(hole: Bool) -> Sequence[Region]:
    """The connected parts of the hole that are thick somewhere."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(hole.view(np.uint8), connectivity=8)
    found = []
    for number, (x, y, width, height, _) in enumerate(stats[1:].tolist(), 1):
        box = slice(y, y + height), slice(x, x + width)
        if min(width, height) >= 2 * THICK:
            part = Region(box, labels[box] == number)
            if part.half_width >= THICK:
                found.append(part)
    return found
