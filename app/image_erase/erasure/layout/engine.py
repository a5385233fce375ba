"""Predict the layout of the parts of a hole that are thick enough to hide something."""

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
"""Least half width in pixels of a part that gets a layout; patches alone do better on thinner ones."""

MOSTLY = 0.6
"""Least share of a part that must be that thick. Letters are thick where strokes meet, but not as a whole."""

LEAST_SHARE = 0.25
"""Least share of a hole that such parts must have together: a bold letter in a line of text remains text."""

CONTEXT = 2.0
"""Side of the square for the network, as a multiple of the longer side of the part's box."""

LEAST_CONTEXT = 1.25
"""The least such multiple, where the picture is not large enough for more."""

COARSER = 4.0
"""How many times larger than for one part alone the square for several parts may be."""

LEAST_SHOWN = 1.5
"""Least half width, in pixels of the square, of a part that is shown together with others."""


class LayoutEngine:
    """Predicts layouts by a network."""

    def __init__(self, sketcher: Sketcher) -> None:
        """sketcher: the network, loaded."""
        self._sketcher = sketcher

    def lay_out(self, guide: U8, hole: Bool, known: Bool, check: Check) -> Layout | None:
        """Predict the layout of the thick parts of `hole` (HxW), one at a time; None if there are none.

        guide: HxWx3 BGR, of which only the `known` pixels (HxW) are used. `check` is called before each part and may
        raise to interrupt.
        """
        parts = _thick_parts(hole)
        if sum(part.area for part in parts) < LEAST_SHARE * np.count_nonzero(hole):
            return None
        colours, trust, scales = np.zeros_like(guide), np.zeros(hole.shape, np.uint8), []
        for part in self._looks(parts):
            check()
            scales.append(self._lay_out(part, guide, known, colours, trust))
        return Layout(colours, trust * np.float32(1 / 255), scales[0]) if trust.any() else None

    def _looks(self, parts: Sequence[Region]) -> list[Region]:
        """The regions for which the network is run, largest first: as many as the parts are worth, at least one.

        If there are more parts than that, those that lie close together share a run.
        """
        most = max(1, round(sum(part.area for part in parts) / PIXELS_PER_LOOK))
        shown = parts if len(parts) <= most else self._together(parts)
        return sorted(shown, key=lambda part: -part.area)[:most]

    def _together(self, parts: Sequence[Region]) -> list[Region]:
        """The parts, joined where several that lie close together fit into one square for the network."""
        groups: list[list[Region]] = []
        for part in parts:
            fitting = next((group for group in groups if self._shows([*group, part])), None)
            if fitting is None:
                groups.append([part])
            else:
                fitting.append(part)
        return [_joined(group) for group in groups]

    def _shows(self, parts: Sequence[Region]) -> bool:
        """Whether each part is large enough in one square around all of them."""
        side = LEAST_CONTEXT * _joined(parts).side
        scale = self._sketcher.side / max(side, self._sketcher.side)
        return all(side <= COARSER * CONTEXT * part.side and part.half_width * scale >= LEAST_SHOWN for part in parts)

    def _lay_out(self, part: Region, guide: U8, known: Bool, colours: U8, trust: U8) -> float:
        """Put the layout of a part into `colours` and `trust`. Returns the pixels per pixel of the network."""
        square = self._square(part, (guide.shape[0], guide.shape[1]))
        seen, missing = square.reduced(guide, known, min(square.side, self._sketcher.side))
        sketch = self._sketcher.sketch(seen, missing)
        belief = np.float32(believed(seen, missing, sketch.colours))
        own = np.zeros(known.shape, np.bool_)
        own[part.box] = part.hole
        square.put(sketch.colours, colours, own)
        square.put(np.rint(sketch.confidence * belief).astype(np.uint8), trust, own)
        return square.side / len(seen)

    def _square(self, part: Region, shape: tuple[int, int]) -> Square:
        """The square around a part: CONTEXT times its box, or less to stay inside the picture.

        It is never enlarged for the network; instead it includes more of the surroundings.
        """
        wanted = max(round(CONTEXT * part.side), self._sketcher.side)
        inside = min(wanted, *shape)
        side = max(inside, round(LEAST_CONTEXT * part.side), self._sketcher.least)
        return Square.around(part.box, side, shape)


def _joined(parts: Sequence[Region]) -> Region:
    """One region made of all the parts, in their common bounding box."""
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
    """The connected parts of the hole of which most is thick."""
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
