"""The smooth ground that continues under a hole: subtracted before patches are compared and copied, then added again.

Copied pixels can be no brighter than their sources, and blending their seams turns highlights and shadows the wrong
way round. So the level of the ground is predicted from the known pixels around the hole, and patches carry only the
difference from it: grain and texture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, U8, Bool, Pixels
from image_erase.erasure.copying import kriging
from image_erase.erasure.copying.kriging import F64, Field
from image_erase.erasure.copying.ring import Ring, sampled

SMOOTH_REACH = 1.0
"""Distance over which smooth ground is correlated, in depths of the hole."""

PLAIN = 4.0
"""Grey levels (of 255): on plain ground, 95 % of the squares differ less than this from the field."""

EVEN = 4.0
"""With uniform grain of any strength, 95 % of the squares differ from the field by less than this times the median."""

FLAT = 0.5
"""Grey levels (of 255): ground that varies less than this is not subtracted."""

OFF = 1.5
"""How many times more than the squares of the ring other squares may differ from the ground and still count as it."""

MOST_OF_IT = 0.85
"""Share of the ring that must be ground; the rest may show things that lie on it, such as a wire."""

ALL_OF_IT = 0.98
"""Share of the ring: with more ground than this, only ground is copied."""

GRID = 12.0
"""Samples per correlation length at which the field is evaluated; between them it is interpolated linearly."""

WINDOW = 9
"""Side in pixels of the squares whose means decide whether a place shows the ground."""


@dataclass(frozen=True)
class Ground:
    """The smooth ground of a region.

    ring: the squares in which it was found. field: interpolates values in them. spread: grey levels (of 255) by which
    the means of squares may differ from it. share: of all squares around the hole.
    """

    ring: Ring
    field: Field
    spread: float
    share: float

    @property
    def surrounds(self) -> bool:
        """Whether the hole is surrounded by ground alone."""
        return self.share >= ALL_OF_IT

    @property
    def bare(self) -> bool:
        """Whether the hole is surrounded by ground alone, and the ground has no texture."""
        return self.surrounds and self.spread < 2 * PLAIN

    def under(self, plane: Pixels) -> F32:
        """The ground under one channel (HxW, any dtype) minus its mean in the ring: HxW float32, in the same unit."""
        values = self.ring.means(plane[:, :, None])
        values -= values.mean(axis=0)
        step = max(1, int(self.field.reach * self.ring.unit / GRID))
        ys, xs = (self.ring.coordinates(axis, length, step) for axis, length in enumerate(plane.shape))
        coarse = self.field.on_grid(self.field.weights(values)[:, 0], ys, xs).astype(np.float32)
        most = 2 * float(np.abs(values).max())
        return _enlarged(np.clip(coarse, -most, most), step)[: plane.shape[0], : plane.shape[1]]

    def copied_from(self, flat: U8) -> Bool:
        """The pixels that may be copied (HxW): all, or those of this ground if the hole is surrounded by ground alone.

        flat: HxWx3, the guide minus the ground.
        """
        if not self.surrounds:
            return np.ones(flat.shape[:2], np.bool_)
        level, most = self.ring.means(flat).mean(axis=0), OFF * max(PLAIN, self.spread)
        return cv2.inRange(cv2.blur(flat, (WINDOW, WINDOW)), level - most, level + most).astype(np.bool_)


def find(guide: U8, hole: Bool, valid: Bool) -> Ground | None:
    """Find the smooth ground around `hole` (HxW) of `guide` (HxWx3); None if there is none or it is flat.

    valid: HxW, the known pixels.
    """
    ring = sampled(hole, valid)
    if ring is None:
        return None
    values = ring.means(guide)
    chosen = ring.large_parts(values)
    share = float(chosen.mean())
    if share < MOST_OF_IT:
        return None
    chosen[chosen] = _expected(ring.only(chosen), values[chosen])
    share = float(chosen.mean())
    return _surface(ring.only(chosen), guide, share) if share >= MOST_OF_IT else None


def _expected(ring: Ring, values: F64) -> Bool:
    """The squares (N,) that the others predict well; the rest show something that lies on the ground."""
    field = kriging.fit(ring.at, values - values.mean(axis=0), 1 / ring.count)
    surprise = np.abs(field.surprise(values - values.mean(axis=0))).max(axis=1)
    return np.asarray(surprise <= max(PLAIN, EVEN * float(np.median(surprise))), np.bool_)


def _surface(ring: Ring, guide: U8, share: float) -> Ground | None:
    """Fit the ground to all squares; None if it is not smooth."""
    values, grain = ring.means(guide), ring.grain(guide)
    values -= values.mean(axis=0)
    field = kriging.fit(ring.at, values, 1 / ring.count)
    grainy = field.residual(values)
    if float((values - grainy).std(axis=0).max()) < FLAT:
        return None
    residual = np.abs(grainy).max(axis=1)
    usual, most = (float(v) for v in np.quantile(residual, (0.5, 0.95)))
    even = most < max(PLAIN, EVEN * usual) and usual < max(PLAIN / 2, grain)
    smooth = even and field.reach >= SMOOTH_REACH
    return Ground(ring, field, most, share) if smooth else None


def _enlarged(plane: F32, step: int) -> F32:
    size = plane.shape[1] * step, plane.shape[0] * step
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.float32) if step > 1 else plane
