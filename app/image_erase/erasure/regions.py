"""Split a hole into regions: groups of nearby parts with a bounding box each, so that work is proportional to the hole.

Parts are grouped on a grid of cells instead of by their outlines: the cost does not depend on the number of parts,
and if there are too many groups, the size of the cells is doubled until there are few.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import I32, Bool

Box = tuple[slice, slice]

MOST_GROUPS = 64
"""Most groups; more are merged, because every group costs some milliseconds however small it is."""

OVERLAP = 2.0
"""The boxes of the groups may cover at most this many times the area of the hole's box; nested shapes are merged."""


@dataclass(frozen=True)
class Region:
    """A part of the hole that is filled in one piece.

    box: rows and columns of the picture. hole: bool, of the box's size: this region's own pixels, which are not
    always all of the hole's pixels inside the box.
    """

    box: Box
    hole: Bool

    @functools.cached_property
    def area(self) -> int:
        """The number of pixels to fill."""
        return int(np.count_nonzero(self.hole))

    @property
    def side(self) -> int:
        """The longer side of the box in pixels."""
        return max(len(self.hole), len(self.hole[0]))

    @functools.cached_property
    def half_width(self) -> float:
        """The greatest distance in pixels from a pixel of the region to the nearest pixel outside it."""
        framed = np.pad(self.hole, 1).view(np.uint8)
        return float(cv2.distanceTransform(framed, cv2.DIST_L2, 3).max())


def group(hole: Bool, gap: int) -> list[Region]:
    """Split a hole (HxW) into regions with tight boxes, in reading order of their boxes' cells.

    Parts with fewer than `gap` known pixels between them always share a region; different regions are always more
    than `gap` pixels apart. There are at most MOST_GROUPS regions.
    """
    bounds = extent(hole)
    if bounds is None:
        return []
    inner = hole[bounds]
    cell = gap
    cells = _any_in_cells(inner, cell)
    while True:
        labels, boxes = _components(cells)
        covered = sum((box[0].stop - box[0].start) * (box[1].stop - box[1].start) for box in boxes)
        if len(boxes) <= MOST_GROUPS and covered <= OVERLAP * cells.size:
            break
        cells, cell = _any_in_cells(cells, 2), 2 * cell
    top, left = bounds[0].start, bounds[1].start
    return [_shifted(_cut(inner, labels, i + 1, box, cell), top, left) for i, box in enumerate(boxes)]


def with_context(region: Region, margin: int, shape: tuple[int, int]) -> Region:
    """The same region in a box enlarged by `margin` pixels on every side, clipped to the picture of `shape`."""
    rows, columns = region.box
    top, left = min(margin, rows.start), min(margin, columns.start)
    bottom, right = min(margin, shape[0] - rows.stop), min(margin, shape[1] - columns.stop)
    box = slice(rows.start - top, rows.stop + bottom), slice(columns.start - left, columns.stop + right)
    return Region(box, np.pad(region.hole, ((top, bottom), (left, right))))


def in_square(region: Region, side: int, shape: tuple[int, int]) -> Region:
    """The same region centred in a square box of `side` pixels, moved and clipped to fit the picture of `shape`."""
    box = tuple(_span(part, side, length) for part, length in zip(region.box, shape, strict=True))
    pads = [(part.start - span.start, span.stop - part.stop) for part, span in zip(region.box, box, strict=True)]
    return Region((box[0], box[1]), np.pad(region.hole, pads))


def tiles(region: Region, side: int) -> Iterator[Region]:
    """Cut a region into tiles whose tight boxes are at most `side` (2 or more) pixels high and wide, in reading order.

    Each cut is made where it crosses the fewest hole pixels in the middle third of the box.
    """
    if region.side <= side:
        yield region
        return
    axis = int(region.hole.shape[1] > region.hole.shape[0])
    length = region.hole.shape[axis]
    first = max(1, length // 3)
    crossed = np.count_nonzero(region.hole, axis=1 - axis)[first : length - length // 3]
    cut = first + int(np.argmin(crossed))
    halves = (slice(0, cut), slice(cut, length))
    for half in halves:
        index = (half, slice(None)) if axis == 0 else (slice(None), half)
        piece = region.hole[index]
        bounds = extent(piece)
        if bounds is not None:
            top = region.box[0].start + (half.start if axis == 0 else 0)
            left = region.box[1].start + (half.start if axis == 1 else 0)
            yield from tiles(_shifted(Region(bounds, piece[bounds]), top, left), side)


def extent(hole: Bool) -> Box | None:
    """The bounding box of the True pixels, None if there are none."""
    rows = np.flatnonzero(hole.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(hole[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _span(part: slice, side: int, length: int) -> slice:
    """A span of at least `side` in 0..length around `part`, centred on it if there is room."""
    side = min(max(side, part.stop - part.start), length)
    start = (part.start + part.stop - side) // 2
    start = min(max(start, 0), length - side)
    return slice(start, start + side)


def _any_in_cells(hole: Bool, cell: int) -> Bool:
    """Whether each cell x cell square has a True pixel; the last row and column of squares may be incomplete."""
    rows = np.logical_or.reduceat(hole, np.arange(0, hole.shape[0], cell), axis=0)
    return np.logical_or.reduceat(rows, np.arange(0, hole.shape[1], cell), axis=1)


def _components(cells: Bool) -> tuple[I32, list[Box]]:
    """Label 8-connected cells from 1; returns the labels and the box of each in cells."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(cells.view(np.uint8), connectivity=8)
    boxes = [
        (slice(int(y), int(y + height)), slice(int(x), int(x + width))) for x, y, width, height, _ in stats[1:].tolist()
    ]
    return labels.astype(np.int32, copy=False), boxes


def _cut(hole: Bool, labels: I32, label: int, box: Box, cell: int) -> Region:
    """The pixels of `hole` whose cells carry `label`, in a tight box; `box` is the label's box in cells."""
    rows, columns = (
        slice(part.start * cell, min(part.stop * cell, n)) for part, n in zip(box, hole.shape, strict=True)
    )
    own = np.repeat(np.repeat(labels[box] == label, cell, axis=0), cell, axis=1)
    piece = hole[rows, columns] & own[: rows.stop - rows.start, : columns.stop - columns.start]
    bounds = extent(piece)
    assert bounds is not None  # a label exists only where a cell has a hole pixel
    return _shifted(Region(bounds, piece[bounds]), rows.start, columns.start)


def _shifted(region: Region, top: int, left: int) -> Region:
    rows, columns = region.box
    box = slice(rows.start + top, rows.stop + top), slice(columns.start + left, columns.stop + left)
    return Region(box, region.hole)
