"""Shrink a picture with a hole in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.erasure.regions import BoolArray

Pixels = NDArray[np.uint8 | np.uint16]

BAND = 64
"""Rows of the small picture that are made at once, so that little memory is needed."""


def reduce_known(pixels: Pixels, hole: BoolArray, factor: int) -> tuple[Pixels, NDArray[np.float32]]:
    """Shrink HxWxC by a whole factor: each small pixel is the mean of the known pixels of its square.

    Returns the small picture and the share (0..1) of each square that is known; where it is 0 the pixel is 0. Where
    H or W is no multiple of `factor`, the last squares are smaller.
    """
    rows, columns = -(-hole.shape[0] // factor), -(-hole.shape[1] // factor)
    small: Pixels = np.empty((rows, columns, pixels.shape[2]), pixels.dtype)
    share = np.empty((rows, columns), np.float32)
    for first in range(0, rows, BAND):
        band = slice(first * factor, (first + BAND) * factor)
        small[first : first + BAND], share[first : first + BAND] = _band(pixels[band], hole[band], factor)
    return small, share


def known_share(known: BoolArray, factor: int) -> NDArray[np.float32]:
    """The share (0..1) of True in each factor x factor square of HxW; the last squares may be smaller."""
    total = _sums(np.broadcast_to(np.True_, known.shape), factor)
    return (_sums(known, factor) / total).astype(np.float32)


def _band(pixels: Pixels, hole: BoolArray, factor: int) -> tuple[Pixels, NDArray[np.float32]]:
    known = ~hole
    count = np.maximum(_sums(known, factor), 1)
    planes = [np.rint(_sums(pixels[:, :, c] * known, factor) / count) for c in range(pixels.shape[2])]
    return np.dstack(planes).astype(pixels.dtype), known_share(known, factor)


def _sums(plane: NDArray[Any], factor: int) -> NDArray[np.int64]:
    """The sum over each factor x factor square."""
    rows, columns = np.arange(0, plane.shape[0], factor), np.arange(0, plane.shape[1], factor)
    partial = np.add.reduceat(plane, rows, axis=0, dtype=np.int64)
    sums: NDArray[np.int64] = np.add.reduceat(partial, columns, axis=1)
    return sums
