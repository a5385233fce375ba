"""The smooth ground that continues under a hole: subtracted before patches are compared and copied, then added again.

Copied pixels can be no brighter than their sources, and blending their seams turns highlights and shadows the wrong
way round. So the level of the ground is predicted from the known pixels around the hole, and patches carry only the
difference from it: grain and texture. If several smooth surfaces meet in the hole, the level of each is predicted
separately, and the copied patches decide which surface each pixel belongs to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, U8, Bool, Index, Pixels
from image_erase.erasure.copying import border, surface
from image_erase.erasure.copying.border import Border, BorderLayouts
from image_erase.erasure.copying.layout import Layouts
from image_erase.erasure.copying.ring import Ring, sampled
from image_erase.erasure.copying.surface import Surface

MOST_OF_IT = 0.85
"""Share of the ring that must be ground; the rest may show things that lie on it, such as a wire."""

ALL_OF_IT = 0.98
"""Share of the ring: with more ground than this, only ground is copied."""

NEARLY_ALL_OF_IT = 0.965
"""Share of the ring that several surfaces must cover. With less than this, results on photographs were worse."""

MOST_SURFACES = 3
"""More surfaces than this are not treated as ground."""

BORDER = 13
"""Side in pixels of the squares that show two surfaces if they lie on the border between them."""

SHOWN = 255


@dataclass(frozen=True)
class Ground:
    """The smooth ground of a region: one surface, or several with steps between them.

    share: of all squares around the hole. shows: for every surface but the first, HxW uint8, SHOWN in its pixels and
    0 elsewhere. border: between two surfaces, if it is a smooth curve.
    """

    surfaces: tuple[Surface, ...]
    share: float
    shows: tuple[U8, ...] = ()
    border: Border | None = None

    @property
    def surrounds(self) -> bool:
        """Whether the hole is surrounded by ground alone."""
        return self.share >= ALL_OF_IT

    @property
    def bare(self) -> bool:
        """Whether the hole is surrounded by ground alone, and the ground has no texture."""
        return self.surrounds and all(each.plain for each in self.surfaces)

    def under(self, plane: Pixels, *, steps: bool = True) -> F32:
        """The ground under one channel (HxW, any dtype) minus the first surface's level: HxW float32, in the same unit.

        steps: whether to include the steps between the surfaces; otherwise each has its own level subtracted.
        """
        first, *others = self.surfaces
        under = first.under(plane)
        for other, shows in zip(others, self.shows, strict=True):
            step = np.float32(other.level(plane) - first.level(plane) if steps else 0)
            under += (other.under(plane) + step - under) * (shows * np.float32(1 / SHOWN))
        return under

    def layouts(self, others: Layouts | None, guide: U8) -> Layouts | None:
        """What lays out the hole: the border if there is one, nothing on bare ground, otherwise `others`.

        guide: HxWx3.
        """
        if self.border is None:
            return None if self.bare else others
        levels = [[each.level(np.asarray(plane)) for plane in cv2.split(guide)] for each in self.surfaces]
        return BorderLayouts(self.border, np.rint(levels).astype(np.uint8))

    def copied_from(self, flat: U8) -> Bool:
        """The pixels that may be copied (HxW): all, or those of this ground if the hole is surrounded by ground alone.

        flat: HxWx3, the guide minus the ground.
        """
        if not self.surrounds:
            return np.ones(flat.shape[:2], np.bool_)
        places = [each.shown_in(flat) for each in self.surfaces]
        window = np.ones((BORDER, BORDER), np.uint8)
        seen = np.sum([cv2.dilate(place.view(np.uint8), window) for place in places], axis=0)
        return np.asarray(np.logical_or.reduce(places) | (seen > 1), np.bool_)

    def continued(self, copies: Callable[[Pixels], None]) -> Ground:
        """The same ground, with the surfaces in the hole as `copies` fills them in."""
        shows = []
        for known in self.shows:
            plane = known[:, :, None].copy()
            copies(plane)
            shows.append(np.where(plane[:, :, 0] > SHOWN // 2, np.uint8(SHOWN), np.uint8(0)))
        return replace(self, shows=tuple(shows))


def find(guide: U8, hole: Bool, valid: Bool) -> Ground | None:
    """Find the smooth ground around `hole` (HxW) of `guide` (HxWx3); None if there is none or it is flat.

    valid: HxW, the known pixels.
    """
    ring = sampled(hole, valid)
    if ring is None:
        return None
    part = ring.large_parts(ring.means(guide))
    if np.mean((part > 0) | ring.between(part)) < MOST_OF_IT:
        return None
    # A thing that lies on a single surface may divide it into parts.
    return _one_surface(ring, guide, part) or _several_surfaces(ring, guide, part, hole, valid)


def _one_surface(ring: Ring, guide: U8, part: Index) -> Ground | None:
    chosen = part > 0
    found = _surface(ring, guide, chosen) if chosen.mean() >= MOST_OF_IT else None
    if found is None:
        return None
    share = float(chosen.mean())
    return None if found.flat or not found.smooth or share < MOST_OF_IT else Ground((found,), share)


def _several_surfaces(ring: Ring, guide: U8, part: Index, hole: Bool, valid: Bool) -> Ground | None:
    """The ground if every part is a separate surface."""
    if not 1 < part.max() <= MOST_SURFACES or np.mean((part > 0) | ring.between(part)) < NEARLY_ALL_OF_IT:
        return None
    chosen = [part == number for number in range(1, int(part.max()) + 1)]
    surfaces = []
    for squares in chosen:
        found = _surface(ring, guide, squares)
        if found is None or not found.plain:
            return None
        surfaces.append(found)
    part = np.sum([squares * number for number, squares in enumerate(chosen, 1)], axis=0)
    share = float(np.mean((part > 0) | ring.between(part)))
    if share < NEARLY_ALL_OF_IT or all(each.flat for each in surfaces):
        return None
    number = surface.nearest(surfaces, guide)
    shows = tuple((number == i).astype(np.uint8) * np.uint8(SHOWN) for i in range(1, len(surfaces)))
    between = border.find(number == 1, hole, valid, ring.unit) if len(surfaces) == 2 else None
    return Ground(tuple(surfaces), share, shows, between)


def _surface(ring: Ring, guide: U8, chosen: Bool) -> Surface | None:
    """Fit a surface to the chosen squares (N,); squares that show something on the surface are removed from them."""
    own = ring.only(chosen)
    field = surface.field_of(own, guide)
    expected = surface.expected(own, field, guide)
    if expected.mean() < MOST_OF_IT:
        return None
    if not expected.all():
        chosen[chosen] = expected
        own = ring.only(chosen)
        field = surface.field_of(own, guide)
    return surface.through(own, field, guide)
