"""Move the blocks of a patchwork until they fit their neighbours, so that no grid of blocks shows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, I32, U8, Bool, Check, Hurried, Index, never_hurried
from image_erase.erasure.copying.patchwork import Patchwork

Origins = tuple[I32, I32]
"""Top and left of each of N squares of the picture."""

ROUNDS = 2
RIM = 2
"""Width in pixels of the rim around a block that is compared."""

CHUNK = 1024
"""Blocks compared at a time, so that their rims fit the processor's cache."""

NEIGHBOURS = ((0, -1), (-1, 0), (0, 1), (1, 0))


def align(luma: U8, patchwork: Patchwork, check: Check, hurried: Hurried = never_hurried) -> None:
    """Replace sources of the patchwork, in place, by others that fit the surroundings of their block better.

    The candidates are sources that continue a neighbour's and, in the first round, the block's own source moved by
    up to half a block. Blocks are updated in a chessboard pattern: all of one colour at a time, compared with the
    current state of their neighbours. luma: HxW, the picture; its values in the hole are ignored. `check` may raise
    to interrupt; once `hurried`, no more blocks are moved.
    """
    if hurried():
        return
    square = np.ones((patchwork.side, patchwork.side), np.uint8)
    whole = cv2.erode(patchwork.known.view(np.uint8), square, anchor=(0, 0), borderValue=0).view(np.bool_)
    view = _View.of(luma, patchwork)
    for turn in range(ROUNDS):
        for colour in range(2):
            rows, columns = _unsettled(patchwork)
            mine = np.flatnonzero((rows + columns) % 2 == colour)
            for first in range(0, len(mine), CHUNK):
                check()
                if hurried():
                    return
                chosen = mine[first : first + CHUNK]
                _move(view, patchwork, whole, (rows[chosen], columns[chosen]), with_shifts=turn == 0)
            patchwork.gather(luma, view.shown)


@dataclass(frozen=True)
class _View:
    """The current state of the picture, read around squares of a block's size.

    padded: the picture with its edge repeated as far as a rim may reach. shown: the picture in it. rim: flat indices
    into `padded` of the pixels around a square, relative to its top left pixel in the picture.
    """

    padded: U8
    shown: U8
    rim: Index

    @classmethod
    def of(cls, luma: U8, patchwork: Patchwork) -> _View:
        """The view of the picture with the patchwork in it."""
        side = patchwork.side
        height, width = luma.shape
        padded: U8 = cv2.copyMakeBorder(luma, RIM, RIM + side, RIM, RIM + side, cv2.BORDER_REPLICATE).astype(
            np.uint8, copy=False
        )
        shown = padded[RIM : RIM + height, RIM : RIM + width]
        patchwork.gather(luma, shown)
        # The edge is that of the filled picture. It is repeated in place: a copy takes a megabyte per megapixel.
        padded[:RIM], padded[RIM + height :] = padded[RIM], padded[RIM + height - 1]
        padded[:, :RIM], padded[:, RIM + width :] = padded[:, RIM, None], padded[:, RIM + width - 1, None]
        span = np.arange(-RIM, side + RIM)
        ys, xs = np.meshgrid(span, span, indexing="ij")
        around = (np.minimum(ys, xs) < 0) | (np.maximum(ys, xs) >= side)
        rim = (ys[around] + RIM) * padded.shape[1] + xs[around] + RIM
        return cls(padded, shown, rim)

    def rims(self, origins: Origins) -> U8:
        """NxK: the pixels around each square; beyond the picture its edge is repeated."""
        squares = origins[0].astype(np.intp) * self.padded.shape[1] + origins[1]
        return np.asarray(self.padded.reshape(-1).take(squares[:, None] + self.rim), np.uint8)

    def misfit(self, origins: Origins, wanted: U8) -> F32:
        """N: the sum of squared differences between the rims at the origins and the wanted ones (NxK), N not 0."""
        difference = cv2.absdiff(self.rims(origins), wanted).astype(np.float32)
        return np.asarray(np.einsum("nk,nk->n", difference, difference), np.float32)


def _unsettled(patchwork: Patchwork) -> Origins:
    """Rows and columns of the blocks that do not continue all their neighbours."""
    height, width = patchwork.tops.shape
    # The blocks of the hole and those beside it.
    inside = tuple(
        slice(max(0, part.start - 1), min(part.stop + 1, n))
        for part, n in zip(patchwork.blocks, (height, width), strict=True)
    )
    occupied = patchwork.occupied[inside]
    rows, columns = (np.arange(part.start, part.stop, dtype=np.int32) * patchwork.side for part in inside)
    dy = np.pad(np.where(occupied, patchwork.tops[inside] - rows[:, None], 0), 1, mode="edge")
    dx = np.pad(np.where(occupied, patchwork.lefts[inside] - columns, 0), 1, mode="edge")
    differs = np.zeros(occupied.shape, np.bool_)
    for down, right in NEIGHBOURS:
        there = tuple(slice(1 + by, 1 + by + n) for by, n in zip((down, right), occupied.shape, strict=True))
        differs |= (dy[there] != dy[1:-1, 1:-1]) | (dx[there] != dx[1:-1, 1:-1])
    found = np.nonzero(differs & occupied)
    return tuple((at + part.start).astype(np.int32) for at, part in zip(found, inside, strict=True))


def _move(view: _View, patchwork: Patchwork, whole: Bool, blocks: Origins, *, with_shifts: bool) -> None:
    """Give each of the blocks (rows, columns) the candidate whose rim is most similar to the block's surroundings.

    whole: HxW, the origins of squares that are completely known.
    """
    wanted = view.rims((blocks[0] * patchwork.side, blocks[1] * patchwork.side))
    tops, lefts = patchwork.tops[blocks], patchwork.lefts[blocks]
    best = view.misfit((tops, lefts), wanted)
    for top, left in _candidates(patchwork, blocks, with_shifts=with_shifts):
        inside = (top >= 0) & (left >= 0) & (top < whole.shape[0]) & (left < whole.shape[1])
        allowed = np.flatnonzero(inside & whole[np.where(inside, top, 0), np.where(inside, left, 0)])
        if not len(allowed):
            continue
        misfit = view.misfit((top.take(allowed), left.take(allowed)), wanted.take(allowed, axis=0))
        better = misfit < best[allowed]
        chosen = allowed[better]
        best[chosen], tops[chosen], lefts[chosen] = misfit[better], top[chosen], left[chosen]
    patchwork.tops[blocks], patchwork.lefts[blocks] = tops, lefts


def _candidates(patchwork: Patchwork, blocks: Origins, *, with_shifts: bool) -> Iterator[Origins]:
    """Candidate sources for the blocks; outside the picture where a block has none."""
    rows, columns = blocks
    side, (height, width) = patchwork.side, patchwork.tops.shape
    for down, right in NEIGHBOURS:
        there = np.clip(rows + down, 0, height - 1), np.clip(columns + right, 0, width - 1)
        filled = patchwork.occupied[there]
        top = np.where(filled, patchwork.tops[there] - down * side, -1)
        left = np.where(filled, patchwork.lefts[there] - right * side, -1)
        yield top.astype(np.int32), left.astype(np.int32)
    if with_shifts:
        own = patchwork.tops[blocks], patchwork.lefts[blocks]
        steps = sorted({-side // 2, -(side // 4), 0, side // 4, side // 2})
        for down, right in itertools.product(steps, steps):
            if (down, right) != (0, 0):
                yield own[0] + np.int32(down), own[1] + np.int32(right)
