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
from image_erase.erasure.plan import PIXELS_PER_LOOK
from image_erase.erasure.regions import Region

THICK = 7.0
"""Half width in pixels from which a part of the hole is laid out; patches alone do better on less."""

MOSTLY = 0.6
"""Share of a part that must be so thick. Letters are where their strokes meet, but not as a whole."""

CONTEXT = 2.0
"""Side of the square that the network sees, in longer sides of the part's box."""

LEAST_CONTEXT = 1.25
"""The same at least, where the picture is not large enough for more."""

COARSER = 4.0
"""How many times larger than for itself alone the square around a part may be that shows several."""

LEAST_SHOWN = 1.5
"""Half width in pixels of a square at which a part is shown at least, together with others."""


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
        colours, trust = np.zeros_like(guide), np.zeros(hole.shape, np.uint8)
        for part in self._looks(_thick_parts(hole)):
            check()
            self._lay_out(part, guide, known, colours, trust)
        return Layout(colours, trust * np.float32(1 / 255)) if trust.any() else None

    def _looks(self, parts: Sequence[Region]) -> list[Region]:
        """What the network is asked about, the largest first: as many looks as the parts are worth, at least one.

        Where there are more parts than that, those that lie close together are shown at once.
        """
        most = max(1, round(sum(part.area for part in parts) / PIXELS_PER_LOOK))
        shown = parts if len(parts) <= most else self._together(parts)
        return sorted(shown, key=lambda part: -part.area)[:most]

    def _together(self, parts: Sequence[Region]) -> list[Region]:
        """The parts, joined where the network can be shown several at once that lie close together."""
        groups: list[list[Region]] = []
        for part in parts:
            fitting = next((group for group in groups if self._shows([*group, part])), None)
            if fitting is None:
                groups.append([part])
            else:
                fitting.append(part)
        return [_joined(group) for group in groups]

    def _shows(self, parts: Sequence[Region]) -> bool:
        """Whether one square around all the parts shows each of them large enough."""
        side = LEAST_CONTEXT * _joined(parts).side
        scale = self._sketcher.side / max(side, self._sketcher.side)
        return all(side <= COARSER * CONTEXT * part.side and part.half_width * scale >= LEAST_SHOWN for part in parts)

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


def _joined(parts: Sequence[Region]) -> Region:
    """One region of all the parts, in the box around them."""
    rows, columns = (
        slice(min(part.box[axis].start for part in parts), max(part.box[axis].stop for part in parts))
        for axis in (0, 1)
    )
    hole = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.bool_)
    for part in parts:
        top, left = part.box[0].start - rows.start, part.box[1].start - columns.start
        hole[top : top + part.hole.shape[0], left : left + part.hole.shape[1]] |= part.hole
    return Region((rows, columns), hole)


def _thick_parts(hole: Bool) -> Sequence[Region]:
    """The connected parts of the hole that are thick, for the most part."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(hole.view(np.uint8), connectivity=8)
    found = []
    for number, (x, y, width, height, _) in enumerate(stats[1:].tolist(), 1):
        box = slice(y, y + height), slice(x, x + width)
        if min(width, height) >= 2 * THICK and _is_thick(part := Region(box, labels[box] == number)):
            found.append(part)
    return found


def _is_thick(part: Region) -> bool:
    """Whether discs of half width THICK that fit into the part cover most of it."""
    framed = np.pad(part.hole, 1)
    core = cv2.distanceTransform(framed.view(np.uint8), cv2.DIST_L2, 5) >= THICK
    if not core.any():
        return False
    covered = cv2.distanceTransform((~core).view(np.uint8), cv2.DIST_L2, 5) <= THICK
    return int(np.count_nonzero(covered & framed)) >= MOSTLY * part.area
