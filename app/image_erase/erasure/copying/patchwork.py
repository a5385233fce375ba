"""A hole filled with square blocks of the same picture: copy their pixels and blend the seams between them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, I16, I32, Bool, Check, Index, Pixels, fitted, full_scale
from image_erase.erasure.copying.membrane import TURNS, Membrane
from image_erase.erasure.reduction import known_share
from image_erase.erasure.regions import Box, extent

STRONG = 48.0
"""Grey levels (of 255): a step at the rim much larger than this is an edge of the picture and is not smoothed away."""

BAND = 32
"""Rows of blocks copied at a time."""

_NO_FRACTION = np.empty(0, np.uint16)
"""The second map of cv2.remap, for whole coordinates."""

_CODE = 1 << 14
"""Larger than any coordinate, so that an offset in rows and columns fits into one number."""


@dataclass(frozen=True)
class Patchwork:
    """Where every block of the hole comes from.

    hole: HxW bool at full resolution. known: HxW, pixels that may be read. tops, lefts: hxw, the full-resolution pixel
    that the top left pixel of each block copies; h, w = H, W divided by `side`, rounded up. Blocks without hole
    pixels are not read.
    """

    hole: Bool
    known: Bool
    tops: I32
    lefts: I32
    side: int

    def offsets(self, window: Box) -> I32:
        """The offset of each pixel of the window to its source, as one number; 0 for known pixels."""
        rows, columns = np.indices(self.tops.shape, np.int32)
        codes = (self.tops - rows * self.side) * _CODE + (self.lefts - columns * self.side)
        ys, xs = (np.arange(part.start, min(part.stop, n)) for part, n in zip(window, self.hole.shape, strict=True))
        return np.where(self.hole[window], codes[ys[:, None] // self.side, xs // self.side], 0).astype(np.int32)

    @functools.cached_property
    def occupied(self) -> Bool:
        """hxw: the blocks that have hole pixels."""
        return known_share(self.hole, self.side) > 0

    @functools.cached_property
    def blocks(self) -> Box:
        """The hole's bounding box, in blocks."""
        found = extent(self.occupied)
        assert found
        return found

    def gather(self, plane: Pixels, into: Pixels) -> None:
        """Copy every hole pixel of `plane` (HxW) from its source to `into`, in bands to save memory."""
        rows, columns = self.blocks
        across = slice(columns.start * self.side, columns.stop * self.side)
        for first in range(rows.start, rows.stop, BAND):
            band = slice(first, min(first + BAND, rows.stop))
            pixels = slice(band.start * self.side, band.stop * self.side), across
            copied = cv2.remap(
                plane, self._sources(band, columns), _NO_FRACTION, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
            )
            hole = self.hole[pixels]
            np.copyto(into[pixels], copied[: hole.shape[0], : hole.shape[1]].astype(into.dtype, copy=False), where=hole)

    def _sources(self, rows: slice, columns: slice) -> I16:
        """The source (x, y) of each pixel of some blocks: hxwx2, as cv2.remap takes it."""
        pairs = np.stack([self.lefts[rows, columns], self.tops[rows, columns]], axis=2).astype(np.int16)
        height, width = (n * self.side for n in pairs.shape[:2])
        # NumPy is slow with axes of length 2, so that both coordinates are moved as one number.
        origins = cv2.resize(pairs.view(np.int32)[:, :, 0], (width, height), interpolation=cv2.INTER_NEAREST)
        right, down = (_one(np.arange(n) % self.side, axis) for axis, n in enumerate((width, height)))
        return (origins + (right + down[:, None])).astype(np.int32, copy=False).view(np.int16).reshape(height, width, 2)


def _one(steps: Index, axis: int) -> I32:
    """Steps along axis 0 (x) or 1 (y) as one number that holds both."""
    pairs = np.zeros((len(steps), 2), np.int16)
    pairs[:, axis] = steps
    return pairs.view(np.int32)[:, 0]


def exact() -> int:
    """Return 0: blend seams as exactly as possible."""
    return 0


def render(image: Pixels, patchwork: Patchwork, check: Check, coarseness: Callable[[], int] = exact) -> None:
    """Fill the hole of `image` (HxWxC) in place with the patchwork, seams blended.

    image: uint8, uint16, or float32 with white at 255. `check` may raise to interrupt; the image is then unchanged.
    coarseness: called before each channel, returns how roughly to blend its seams: an index of membrane.TURNS, or
    one more for not at all.
    """
    blending = _Blending(patchwork)
    planes = []
    before, after = (np.empty(image.shape[:2], image.dtype) for _ in range(2))
    for c in range(image.shape[2]):
        check()
        cv2.extractChannel(image, c, before)
        np.copyto(after, before)
        patchwork.gather(before, after)
        check()
        planes.append(blending.blended(before, after, coarseness()))
    for c, plane in enumerate(planes):
        np.copyto(image[:, :, c][blending.window], plane, where=blending.hole)


class _Blending:
    """Blends the seams of a patchwork. window: the box of the hole and of the pixels next to it; hole: of that size."""

    def __init__(self, patchwork: Patchwork) -> None:
        """Prepare nothing: everything is computed when it is first needed."""
        self._patchwork = patchwork
        self.window = _around(patchwork.hole)
        self.hole = patchwork.hole[self.window]

    def blended(self, before: Pixels, after: Pixels, coarseness: int) -> Pixels:
        """One channel (HxW) of the window, blended. before, after: without and with the copied pixels."""
        if coarseness == len(TURNS):
            return after[self.window]
        divergence = np.zeros(self.hole.shape, np.float32)
        for seam in self._seams:
            seam.add_divergence(before, after, divergence, STRONG * full_scale(before.dtype) / 255)
        corrected = self._membrane.solve(divergence, coarseness)
        corrected += after[self.window]
        return fitted(corrected, before.dtype)

    @functools.cached_property
    def _membrane(self) -> Membrane:
        return Membrane(self.hole)

    @functools.cached_property
    def _seams(self) -> list[_Seams]:
        codes = self._patchwork.offsets(self.window)
        return [_Seams.find(self._patchwork, codes, self.window, axis) for axis in (0, 1)]


def _around(hole: Bool) -> Box:
    """The box of the hole with the known pixels next to it."""
    found = extent(hole)
    assert found
    rows, columns = (slice(max(0, part.start - 1), part.stop + 1) for part in found)
    return rows, columns


@dataclass(frozen=True)
class _Seams:
    """Neighbouring pixels p, q that are copied from different places, along one axis.

    p: flat indices into the picture, q is p + step; at: p in the window, q is at + step_at. after: the pixel after p's
    source, before: the pixel before q's source; after_share, before_share: their shares in the wanted step, 0 where
    they may not be read; known: the sum of both. No pixel occurs twice as p or twice as q.
    """

    p: I32
    step: int
    at: I32
    step_at: int
    after: I32
    before: I32
    after_share: F32
    before_share: F32
    known: F32

    @classmethod
    def find(cls, patchwork: Patchwork, codes: I32, window: Box, axis: int) -> _Seams:
        """The seams between vertical (axis 0) or horizontal (axis 1) neighbours inside the window.

        codes: the offsets in the window.
        """
        first, second = (codes[:-1], codes[1:]) if axis == 0 else (codes[:, :-1], codes[:, 1:])
        ys, xs = (places.astype(np.int32) for places in np.nonzero(first != second))
        width = patchwork.hole.shape[1]
        step, step_at = (width, codes.shape[1]) if axis == 0 else (1, 1)
        p = (ys + window[0].start) * width + xs + window[1].start
        after, after_known = _moved(p + step, first[ys, xs], patchwork.known)
        before, before_known = _moved(p, second[ys, xs], patchwork.known)
        at = ys * codes.shape[1] + xs
        count = np.maximum(after_known.astype(np.float32) + before_known, 1)
        known = (after_known | before_known).astype(np.float32)
        after_share, before_share = (np.divide(part, count, dtype=np.float32) for part in (after_known, before_known))
        return cls(p, step, at, step_at, after, before, after_share, before_share, known)

    def add_divergence(self, before: Pixels, after: Pixels, divergence: F32, strong: float) -> None:
        """Add the divergence due to the seams: the wanted step between p and q minus the present one.

        The wanted step is the mean of the steps after p's source and before q's source, where they are known. before,
        after: HxW without and with the copied pixels; divergence: of the window.
        """
        source, shown = before.reshape(-1), after.reshape(-1)
        value_p, value_q = (shown.take(place).astype(np.float32) for place in (self.p, self.p + self.step))
        wanted = (source.take(self.after) - value_p) * self.after_share
        wanted += (value_q - source.take(self.before)) * self.before_share
        missing = wanted - (value_q - value_p) * self.known
        missing /= 1 + ((missing * np.float32(1 / strong)) ** 2) ** 2
        flat = divergence.reshape(-1)
        flat[self.at + self.step_at] += missing
        flat[self.at] -= missing


def _moved(pixels: I32, codes: I32, known: Bool) -> tuple[I32, Bool]:
    """The flat indices moved by encoded offsets, and whether the pixels there are known; outside counts as unknown."""
    height, width = known.shape
    rows = (codes + _CODE // 2) // _CODE
    ys = pixels // width + rows
    xs = pixels % width + codes - rows * _CODE
    inside = (ys >= 0) & (ys < height) & (xs >= 0) & (xs < width)
    moved = np.where(inside, ys * width + xs, 0).astype(np.int32)
    return moved, inside & known.reshape(-1)[moved]
