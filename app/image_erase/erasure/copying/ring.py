"""The known pixels around a hole, sampled in squares."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from image_erase.erasure.arrays import Bool, Index, Pixels
from image_erase.erasure.copying.kriging import F64

LEAST_WIDTH = 8.0
"""Least width of the ring in pixels; otherwise it is as wide as the hole is deep."""

LEAST_DEPTH = 4.0
"""Least depth of the hole in pixels; under shallower holes the ground is practically flat."""

LEAST_SIDE = 4
SQUARES = 130
"""Least side of the squares in pixels, and about how many squares there are."""

MOST_PIXELS = 20_000
"""Most pixels that are read; larger rings are sampled evenly."""

FEWEST = 16
"""Least number of squares; fewer allow no conclusion."""

STEP = 6.0
"""Grey levels (of 255) by which neighbouring squares of one surface may always differ."""

LARGE = 0.1
"""Least share of the squares in a large part."""

BESIDE = 2
"""Greatest distance, in squares, from a step between two parts to either of them."""

STEEP = 3.0
"""A difference of neighbours is an edge from this many times the usual difference on."""


@dataclass(frozen=True)
class Ring:
    """N squares around a hole.

    pixels: flat indices of their known pixels. square: the square of each of these pixels. count: (N,), the pixels of
    each square. at: (N, 2), their centres relative to `origin`, in units of `unit` pixels. cells: (N, 2), their rows
    and columns.
    """

    pixels: Index
    square: Index
    count: F64
    at: F64
    cells: Index
    origin: F64
    unit: float

    def means(self, picture: Pixels) -> F64:
        """The mean of each square: (N, C), of HxWxC."""
        return _means(self._values(picture), self.square)

    def grain(self, picture: Pixels) -> float:
        """The median, over the squares, of the standard deviation inside a square, of HxWxC."""
        values = self._values(picture)
        spread = _means(values**2, self.square) - _means(values, self.square) ** 2
        return float(np.median(np.sqrt(np.maximum(spread, 0).max(axis=1))))

    def _values(self, picture: Pixels) -> F64:
        """The values of the pixels: (M, C), of HxWxC."""
        return picture.reshape(-1, picture.shape[2]).take(self.pixels, axis=0).astype(np.float64)

    def coordinates(self, axis: int, length: int, step: int) -> F64:
        """The centres of intervals of `step` pixels that together cover `length` pixels along an axis."""
        middles = (np.arange(-(-length // step)) + 0.5) * step - 0.5
        return np.asarray((middles - self.origin[axis]) / self.unit, np.float64)

    def only(self, chosen: Bool) -> Ring:
        """The ring of the chosen squares alone; chosen: (N,) bool."""
        number = np.cumsum(chosen) - 1
        kept = chosen[self.square]
        return replace(
            self,
            pixels=self.pixels[kept],
            square=number[self.square[kept]],
            count=self.count[chosen],
            at=self.at[chosen],
            cells=self.cells[chosen],
        )

    def large_parts(self, values: F64) -> Index:
        """The number (N,), from 1 on, of the large part that each square belongs to; 0 if to none.

        No two neighbours in a part differ by a step in values (N, C).
        """
        cells, shape = self._rows_and_columns()
        plane = np.full((*shape, values.shape[1]), np.nan)
        plane[cells[:, 0], cells[:, 1]] = values
        down, across = (np.abs(np.diff(plane, axis=axis)).max(axis=2) for axis in (0, 1))
        steps = np.concatenate([down.ravel(), across.ravel()])
        steps = steps[~np.isnan(steps)]
        most = max(STEP, STEEP * float(np.median(steps))) if len(steps) else STEP
        links = np.zeros((2 * shape[0] - 1, 2 * shape[1] - 1), np.uint8)
        links[::2, ::2] = ~np.isnan(plane[:, :, 0])
        links[1::2, ::2], links[::2, 1::2] = down <= most, across <= most
        _, labels = cv2.connectedComponents(links, connectivity=4)
        label = labels[2 * cells[:, 0], 2 * cells[:, 1]]
        large = np.bincount(label) >= LARGE * len(label)
        return np.asarray((np.cumsum(large) * large)[label], np.intp)

    def between(self, part: Index) -> Bool:
        """The squares (N,) of no part (N,) that are close to two parts: they lie on the step between them."""
        cells, shape = self._rows_and_columns()
        beside = np.zeros(len(part), np.intp)
        for number in range(1, int(part.max()) + 1):
            plane = np.zeros(shape, np.uint8)
            plane[tuple(cells[part == number].T)] = 1
            beside += cv2.dilate(plane, np.ones((2 * BESIDE + 1,) * 2, np.uint8))[tuple(cells.T)]
        return np.asarray((part == 0) & (beside > 1), np.bool_)

    def _rows_and_columns(self) -> tuple[Index, Index]:
        """The cells, shifted to start at 0, and the number of their rows and columns."""
        cells = self.cells - self.cells.min(axis=0)
        return cells, cells.max(axis=0) + 1


def sampled(hole: Bool, valid: Bool) -> Ring | None:
    """Sample the known pixels (HxW) around a hole (HxW); None if the hole is thin or too few pixels are known."""
    left, top, width, height = cv2.boundingRect(hole.view(np.uint8))
    inside = np.pad(hole[top : top + height, left : left + width], 1)
    depth = float(cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, 3).max(initial=0))
    if depth < LEAST_DEPTH:
        return None
    # Distances take four bytes for each pixel, and those far from the hole are not needed.
    most = max(LEAST_WIDTH, depth)
    reach = math.ceil(most) + 1
    around = (
        slice(max(0, top - reach), top + height + reach),
        slice(max(0, left - reach), left + width + reach),
    )
    near = np.zeros(hole.shape, np.bool_)
    near[around] = cv2.distanceTransform((~hole[around]).view(np.uint8), cv2.DIST_L2, 3) <= most
    near &= valid
    area = int(np.count_nonzero(near))
    side = max(LEAST_SIDE, round(math.sqrt(area / SQUARES)))
    if side > depth or area < FEWEST * side**2:
        return None
    stride = max(1, int(math.sqrt(area / MOST_PIXELS)))
    places = np.argwhere(near[::stride, ::stride]) * stride
    pixels = places[:, 0] * hole.shape[1] + places[:, 1]
    rows, columns = np.moveaxis(places // side, 1, 0)
    numbers, square, count = np.unique(rows * hole.shape[1] + columns, return_inverse=True, return_counts=True)
    cells = np.stack(np.divmod(numbers, hole.shape[1]), axis=1)
    at = _means(places.astype(np.float64), square)
    origin = at.mean(axis=0)
    return Ring(pixels, square, count.astype(np.float64), (at - origin) / depth, cells, origin, depth)


def _means(values: F64, square: Index) -> F64:
    """The mean of the values (M, C) in each square."""
    count = np.bincount(square)
    return np.stack([np.bincount(square, channel) / count for channel in values.T], axis=1)
