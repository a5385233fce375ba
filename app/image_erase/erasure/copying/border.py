"""The border between two surfaces, continued across a hole as a straight line or a conic arc."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, U8, Bool, Check
from image_erase.erasure.copying.kriging import F64
from image_erase.erasure.copying.layout import Layout

BAND = 4.0
"""Width in pixels, on either side of the border, of the band to which the curve is fitted."""

FEWEST = 24
"""Least number of pixels in the band."""

MISFIT = 0.7
"""Greatest root mean square distance in pixels between the curve and the border."""

WRONG = 0.02
"""Greatest share of the known pixels around the hole on the wrong side of the curve."""


@dataclass(frozen=True)
class Border:
    """A conic section: the zeros of a quadratic function of the position, which is negative on the first surface.

    weights: (6,), the coefficients of the function.
    """

    weights: F64

    def sides(self, shape: tuple[int, int]) -> Bool:
        """The pixels (HxW) of the second surface, in the picture resized to `shape`."""
        ys, xs = ((np.arange(n) + 0.5) / n for n in shape)
        across = [np.add.outer(np.zeros(shape[0]), xs), np.add.outer(ys, np.zeros(shape[1]))]
        return np.asarray(sum(w * term for w, term in zip(self.weights, _terms(*across), strict=True)) > 0, np.bool_)


@dataclass(frozen=True)
class BorderLayouts:
    """Lays out holes by a border. colours: 2x3, BGR of the two surfaces."""

    border: Border
    colours: U8

    def lay_out(self, guide: U8, hole: Bool, known: Bool, check: Check) -> Layout | None:
        """See Layouts."""
        check()
        sides = self.border.sides((hole.shape[0], hole.shape[1]))
        return Layout(np.ascontiguousarray(self.colours[sides.astype(np.intp)]), hole.astype(np.float32))


def find(second: Bool, hole: Bool, valid: Bool, reach: float) -> Border | None:
    """Fit a curve to the border between two surfaces around `hole` (HxW); None if the border is no smooth curve.

    second: HxW, the known pixels of the second surface. valid: HxW, the known pixels. reach: distance in pixels from
    the hole up to which pixels are considered.
    """
    near = valid & (cv2.distanceTransform((~hole).view(np.uint8), cv2.DIST_L2, 3) <= reach)
    distance = _signed(second, valid)
    ys, xs = np.nonzero(near & (np.abs(distance) <= BAND))
    if len(ys) < FEWEST:
        return None
    height, width = hole.shape
    terms = np.stack(_terms((xs + 0.5) / width, (ys + 0.5) / height), axis=1)
    wanted = distance[ys, xs].astype(np.float64)
    weights = np.asarray(np.linalg.lstsq(terms, wanted, rcond=None)[0], np.float64)
    border = Border(weights)
    wrong = float(np.mean((border.sides((height, width)) != second)[near]))
    fits = float(np.sqrt(np.mean((terms @ weights - wanted) ** 2))) <= MISFIT and wrong <= WRONG
    return border if fits else None


def _signed(second: Bool, valid: Bool) -> F32:
    """The distance of each known pixel from the border: HxW, negative on the first surface."""
    to_second, to_first = (
        cv2.distanceTransform((~(valid & side)).view(np.uint8), cv2.DIST_L2, 5) for side in (second, ~second)
    )
    return np.where(second, to_first - 0.5, 0.5 - to_second).astype(np.float32)


def _terms(x: F64, y: F64) -> list[F64]:
    return [np.ones_like(x), x, y, x * x, x * y, y * y]
