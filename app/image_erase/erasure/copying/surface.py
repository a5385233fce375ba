"""A smooth surface, found in some of the known pixels around a hole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, U8, Bool, Pixels
from image_erase.erasure.copying import kriging
from image_erase.erasure.copying.kriging import F64, Field
from image_erase.erasure.copying.ring import Ring

SMOOTH_REACH = 1.0
"""Distance over which a smooth surface is correlated, in depths of the hole."""

PLAIN = 4.0
"""Grey levels (of 255): on a plain surface, 95 % of the squares differ less than this from the field."""

EVEN = 4.0
"""With uniform grain of any strength, 95 % of the squares differ from the field by less than this times the median."""

FLAT = 0.5
"""Grey levels (of 255): a surface that varies less than this is flat."""

OFF = 1.5
"""How many times more than the squares of the ring other squares may differ from the surface and still count as it."""

GRID = 12.0
"""Samples per correlation length at which the field is evaluated; between them it is interpolated linearly."""

WINDOW = 9
"""Side in pixels of the squares whose means decide whether a place shows the surface."""


@dataclass(frozen=True)
class Surface:
    """A smooth surface.

    ring: the squares in which it was found. field: interpolates values in them. spread: grey levels (of 255) by which
    the means of squares may differ from it. variation: the standard deviation of the field in the ring, in the same
    unit.
    """

    ring: Ring
    field: Field
    spread: float
    variation: float

    @property
    def plain(self) -> bool:
        """Whether it has no texture."""
        return self.spread < 2 * PLAIN

    @property
    def smooth(self) -> bool:
        """Whether it is correlated over the depth of the hole."""
        return self.field.reach >= SMOOTH_REACH

    @property
    def flat(self) -> bool:
        """Whether there is no need to subtract it."""
        return self.variation < FLAT

    def level(self, plane: Pixels) -> float:
        """The mean of one channel (HxW, any dtype) in the ring."""
        return float(self.ring.means(plane[:, :, None]).mean())

    def under(self, plane: Pixels) -> F32:
        """The surface under one channel (HxW, any dtype) minus its level: HxW float32, in the same unit."""
        values = self.ring.means(plane[:, :, None])
        values -= values.mean(axis=0)
        step = max(1, int(self.field.reach * self.ring.unit / GRID))
        ys, xs = (self.ring.coordinates(axis, length, step) for axis, length in enumerate(plane.shape))
        coarse = self.field.on_grid(self.field.weights(values)[:, 0], ys, xs).astype(np.float32)
        most = 2 * float(np.abs(values).max())
        return _enlarged(np.clip(coarse, -most, most), step)[: plane.shape[0], : plane.shape[1]]

    def shown_in(self, flat: U8) -> Bool:
        """The pixels (HxW) that show the surface; it has been subtracted from `flat` (HxWx3)."""
        level, most = self.ring.means(flat).mean(axis=0), OFF * max(PLAIN, self.spread)
        return cv2.inRange(cv2.blur(flat, (WINDOW, WINDOW)), level - most, level + most).astype(np.bool_)


def field_of(ring: Ring, guide: U8) -> Field:
    """Fit a field to all squares of the ring."""
    return kriging.fit(ring.at, _values(ring, guide), 1 / ring.count)


def expected(ring: Ring, field: Field, guide: U8) -> Bool:
    """The squares (N,) that the others predict well; the rest show something that lies on the surface.

    field: fitted to all of them.
    """
    surprise = np.abs(field.surprise(_values(ring, guide))).max(axis=1)
    return np.asarray(surprise <= max(PLAIN, EVEN * float(np.median(surprise))), np.bool_)


def through(ring: Ring, field: Field, guide: U8) -> Surface | None:
    """The surface of a field that was fitted to all squares; None if they show more than the field and grain."""
    values, grain = _values(ring, guide), ring.grain(guide)
    grainy = field.residual(values)
    variation = float((values - grainy).std(axis=0).max())
    residual = np.abs(grainy).max(axis=1)
    usual, most = (float(v) for v in np.quantile(residual, (0.5, 0.95)))
    even = most < max(PLAIN, EVEN * usual) and usual < max(PLAIN / 2, grain)
    return Surface(ring, field, most, variation) if even else None


def _values(ring: Ring, guide: U8) -> F64:
    values = ring.means(guide)
    values -= values.mean(axis=0)
    return values


def nearest(surfaces: Sequence[Surface], guide: U8) -> U8:
    """The index of the surface that each pixel of the guide (HxWx3) is most similar to: HxW."""
    distances = [_distance(surface, guide) for surface in surfaces]
    return np.asarray(np.argmin(distances, axis=0), np.uint8)


def _distance(surface: Surface, guide: U8) -> U8:
    """The difference between the guide and the surface, averaged over channels and 3x3 pixels: HxW."""
    total = np.zeros(guide.shape[:2], np.float32)
    for plane in cv2.split(guide):
        channel = np.asarray(plane)
        total += np.abs(channel - (surface.under(channel) + np.float32(surface.level(channel))))
    return np.asarray(np.minimum(np.rint(cv2.blur(total, (3, 3)) / 3), 255), np.uint8)


def _enlarged(plane: F32, step: int) -> F32:
    size = plane.shape[1] * step, plane.shape[0] * step
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.float32) if step > 1 else plane
