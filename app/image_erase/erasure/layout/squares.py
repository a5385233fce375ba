"""Squares of a picture, as a network wants to see them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import U8, Bool
from image_erase.erasure.regions import Box

MOSTLY = 0.5
"""A pixel of a shrunken square is hole when less than this share of it is known."""


@dataclass(frozen=True)
class Square:
    """`side` pixels from (`top`, `left`) on; it may reach beyond the picture, where nothing is known."""

    top: int
    left: int
    side: int

    @classmethod
    def around(cls, box: Box, side: int, shape: tuple[int, int]) -> Square:
        """A square with the box in its middle, moved inside a picture of `shape` where there is room for it."""
        (top, left) = (_start(part, side, length) for part, length in zip(box, shape, strict=True))
        return cls(top, left, side)

    def shrunk(self, guide: U8, known: Bool, side: int) -> tuple[U8, Bool]:
        """The square of HxWx3 at `side` x `side`: means of known pixels, and True where too little is known."""
        there, here = self._overlap(known.shape)
        pixels, share = np.zeros((self.side, self.side, 3), np.uint8), np.zeros((self.side, self.side), np.uint8)
        np.copyto(pixels[there], guide[here], where=known[here][:, :, None])
        np.copyto(share[there], np.uint8(255), where=known[here])
        pixels, share = (_scaled(plane, side) for plane in (pixels, share))
        hole: Bool = share < 255 * MOSTLY
        means = pixels.astype(np.float32) * (255 / np.maximum(share, 1).astype(np.float32))[:, :, None]
        means[hole] = 0
        return np.minimum(np.rint(means), 255).astype(np.uint8), hole

    def put(self, sketched: U8, into: U8, where: Bool) -> None:
        """Put a sketch (SxS or SxSx3) of the square where it belongs in HxW or HxWx3, at the pixels `where` is True."""
        there, here = self._overlap(where.shape)
        whole = _scaled(sketched, self.side)[there]
        chosen = where[here]
        np.copyto(into[here], whole, where=chosen if whole.ndim == 2 else chosen[:, :, None])

    def _overlap(self, shape: tuple[int, ...]) -> tuple[Box, Box]:
        """What the square and the picture share: in pixels of the square, and of the picture."""
        there, here = [], []
        for start, length in zip((self.top, self.left), shape, strict=False):
            inside = slice(max(0, start), min(start + self.side, length))
            here.append(inside)
            there.append(slice(inside.start - start, inside.stop - start))
        return (there[0], there[1]), (here[0], here[1])


def _scaled(plane: U8, side: int) -> U8:
    shrinks = side < len(plane)
    scaled = cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(scaled, np.uint8)


def _start(part: slice, side: int, length: int) -> int:
    start = int(part.start + part.stop - side) // 2
    return min(max(start, 0), length - side) if side <= length else min(max(start, length - side), 0)
