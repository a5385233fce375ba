"""Square crops of a picture, as networks take them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import U8, Bool
from image_erase.erasure.regions import Box

MOSTLY = 0.5
"""A pixel of a reduced square is hole if less than this share of it is known."""


@dataclass(frozen=True)
class Square:
    """A square of `side` pixels at (`top`, `left`). It may extend beyond the picture, where nothing is known."""

    top: int
    left: int
    side: int

    @classmethod
    def around(cls, box: Box, side: int, shape: tuple[int, int]) -> Square:
        """A square centred on the box, moved inside a picture of `shape` if it fits."""
        (top, left) = (_start(part, side, length) for part, length in zip(box, shape, strict=True))
        return cls(top, left, side)

    def reduced(self, guide: U8, known: Bool, side: int) -> tuple[U8, Bool]:
        """Reduce the square of HxWx3 to `side` x `side`: means of known pixels, and True where too little is known."""
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
        """Paste a sketch (SxS or SxSx3) of the square into HxW or HxWx3, at the pixels where `where` is True."""
        there, here = self._overlap(where.shape)
        whole = _scaled(sketched, self.side)[there]
        chosen = where[here]
        np.copyto(into[here], whole, where=chosen if whole.ndim == 2 else chosen[:, :, None])

    def _overlap(self, shape: tuple[int, ...]) -> tuple[Box, Box]:
        """The intersection of the square and the picture: in coordinates of the square, and of the picture."""
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
