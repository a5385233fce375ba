"""Reduce the size of a picture that has a hole."""

from __future__ import annotations

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, Bool, Pixels

BAND = 64
"""Rows of the reduced picture computed at a time, to save memory."""


def reduce_known(pixels: Pixels, hole: Bool, factor: int) -> tuple[Pixels, F32]:
    """Reduce HxWxC by an integer factor: each pixel becomes the mean of the known pixels of its square.

    The mean is exact to a grey level or two where few pixels are known. Returns the reduced picture and the share
    (0..1) of each square that is known; where it is 0 the pixel is 0. If H or W is not a multiple of `factor`, the
    last row or column is repeated.
    """
    rows, columns = -(-hole.shape[0] // factor), -(-hole.shape[1] // factor)
    small: Pixels = np.empty((rows, columns, pixels.shape[2]), pixels.dtype)
    share = np.empty((rows, columns), np.float32)
    for first in range(0, rows, BAND):
        band, there = slice(first * factor, (first + BAND) * factor), slice(first, first + BAND)
        share[there] = known_share(~hole[band], factor)
        for c in range(pixels.shape[2]):
            plane = np.where(hole[band], 0, pixels[band, :, c])
            mean = _squares(plane, factor) / np.maximum(share[there], 1e-6)
            small[there, :, c] = np.minimum(np.rint(mean), np.iinfo(pixels.dtype).max)
    return small, share


def known_share(known: Bool, factor: int) -> F32:
    """The share (0..1) of True in each factor x factor square of HxW; exactly 1 where all pixels are True."""
    rows, columns = -(-known.shape[0] // factor), -(-known.shape[1] // factor)
    share = np.empty((rows, columns), np.float32)
    for first in range(0, rows, BAND):
        band = known[first * factor : (first + BAND) * factor].astype(np.float32)
        share[first : first + BAND] = np.rint(_squares(band, factor) * factor**2) / factor**2
    return share


def halved(plane: F32, border: int = cv2.BORDER_REPLICATE) -> F32:
    """The means of 2x2 squares of HxW; an odd last row or column is padded by OpenCV's border type `border`."""
    return _squares(plane, 2, border)


def _squares(plane: Pixels, factor: int, border: int = cv2.BORDER_REPLICATE) -> F32:
    """The mean of each factor x factor square."""
    bottom, right = -plane.shape[0] % factor, -plane.shape[1] % factor
    whole = cv2.copyMakeBorder(plane, 0, bottom, 0, right, border) if bottom or right else plane
    size = whole.shape[1] // factor, whole.shape[0] // factor
    return cv2.resize(whole, size, interpolation=cv2.INTER_AREA).astype(np.float32)
