"""Bring the colours of a filled hole closer to those of the layout.

Copies keep the brightness and the tint of the place that they come from, and at the finest level the layout is not
followed, because it would blur the texture. What is left is a difference that varies slowly. It is corrected after
the seams are blended, and not at the rim, where the copies fit the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, U8, Bool, Check, Pixels, fitted, full_scale
from image_erase.erasure.copying.layout import Layout, Layouts, blurred
from image_erase.erasure.engine import Painter
from image_erase.erasure.reduction import known_share, squares
from image_erase.erasure.regions import Box, extent

LARGE = 10.0
"""Grey levels of a difference of which half is corrected. Larger ones come from edges that the copies have placed
elsewhere than the layout; corrected, they would be seen as a haze."""

SMOOTHNESS = 3.0
"""Standard deviation of the blur of the difference, in pixels of the network. 2 to 4 did equally well."""

NEAR = 8
"""Pixels around the hole that decide whether a layer shows the colours of the guide."""

ROUNDING = 1.0
"""Most grey levels by which such a layer may differ from the guide."""

BAND = 32
"""Rows of the layout that are applied at a time, to save memory."""

COLOURS = 3


class LastLayout:
    """Layouts that keep the last one."""

    def __init__(self, layouts: Layouts) -> None:
        """layouts: what predicts them."""
        self._layouts = layouts
        self.layout: Layout | None = None

    def lay_out(self, guide: U8, hole: Bool, known: Bool, check: Check) -> Layout | None:
        """See Layouts."""
        self.layout = self._layouts.lay_out(guide, hole, known, check)
        return self.layout


def toned(paint: Painter, layout: Layout | None, guide: U8, hole: Bool, factor: int) -> Painter:
    """Return a painter that corrects what `paint` has painted.

    layout: of the picture reduced by `factor`. guide: HxWx3 uint8 BGR at full size. hole: HxW. Layers that do not show
    the guide's colours or their grey, such as alpha, are left as they are.
    """
    box = extent(layout.trust > 0) if layout and layout.scale else None
    if layout is None or box is None:
        return paint
    tone = _Tone(layout, box, hole, factor)

    def paint_toned(pixels: Pixels) -> None:
        paint(pixels)
        if _shows(pixels, guide, hole):
            tone.apply(pixels)

    return paint_toned


def _shows(pixels: Pixels, guide: U8, hole: Bool) -> bool:
    """Whether the colours, or the one grey channel, of a layer (HxWxC) are those of the guide around the hole."""
    window = np.ones((2 * NEAR + 1,) * 2, np.uint8)
    near = (cv2.dilate(hole.view(np.uint8), window) > 0) & ~hole
    shown = pixels[near][:, : _colours(pixels)] * np.float32(255 / full_scale(pixels.dtype))
    return bool(near.any() and np.abs(shown - guide[near]).max() <= ROUNDING)


def _colours(pixels: Pixels) -> int:
    return COLOURS if pixels.shape[2] >= COLOURS else 1


@dataclass(frozen=True)
class _Tone:
    """What a filled hole is brought closer to: a layout of the picture reduced by `factor`.

    box: of the layout, where it is trusted. hole: HxW, at full size.
    """

    layout: Layout
    box: Box
    hole: Bool
    factor: int

    def apply(self, pixels: Pixels) -> None:
        """Correct the hole of a layer (HxWxC uint8, uint16, or float32 with white at 255) in place."""
        box = self.box
        missing = known_share(~self.hole, self.factor)[box] < 1
        # The square root: the votes have followed the layout by its trust before.
        trust, blur = np.sqrt(self.layout.trust[box]) * missing, SMOOTHNESS * self.layout.scale
        share = np.maximum(blurred(missing.astype(np.float32), blur), 1e-3)
        wanted = self.layout.colours[box]
        planes = cv2.split(wanted) if _colours(pixels) == COLOURS else [cv2.cvtColor(wanted, cv2.COLOR_BGR2GRAY)]
        differences = [
            np.asarray(blurred(trust * (plane - self._reduced(pixels[:, :, c])), blur) / share, np.float32)
            for c, plane in enumerate(planes)
        ]
        largest = np.max(np.abs(differences), axis=0)
        strength = _inside(missing, blur) / (1 + (largest / np.float32(LARGE)) ** 2)
        for c, difference in enumerate(differences):
            self._add(pixels[:, :, c], strength * difference)

    def _reduced(self, plane: Pixels) -> F32:
        """The box of the plane reduced, white at 255."""
        bands = [squares(there.astype(np.float32), self.factor) for _, there in self._bands(plane)]
        return np.concatenate(bands) * np.float32(255 / full_scale(plane.dtype))

    def _add(self, plane: Pixels, shift: F32) -> None:
        shift = np.pad(shift, 1, mode="edge") * np.float32(full_scale(plane.dtype) / 255)
        bands = zip(self._bands(plane), self._bands(self.hole), strict=True)
        for (rows, there), (_, hole) in bands:
            more = cv2.resize(shift[rows.start : rows.stop + 2], (0, 0), fx=self.factor, fy=self.factor)
            more = more[self.factor :, self.factor :][: there.shape[0], : there.shape[1]]
            np.copyto(there, fitted(there.astype(np.float32) + more, plane.dtype), where=hole)

    def _bands(self, plane: Pixels) -> Iterator[tuple[slice, Pixels]]:
        """Rows of the box, counted from its top, and the part of the full-size plane there."""
        (top, bottom), (left, right) = ((part.start, part.stop) for part in self.box)
        columns = slice(left * self.factor, right * self.factor)
        for first in range(top, bottom, BAND):
            last = min(first + BAND, bottom)
            yield slice(first - top, last - top), plane[first * self.factor : last * self.factor, columns]


def _inside(missing: Bool, blur: float) -> F32:
    """Increase from 0 at the rim to 1 in a distance of `blur`."""
    distance = cv2.distanceTransform(np.pad(missing, 1).view(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    return np.asarray(np.minimum(distance / np.float32(blur), 1), np.float32)
