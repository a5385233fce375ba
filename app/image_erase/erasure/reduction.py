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
        part, known = pixels[band], ~hole[band]
        share[there] = known_share(known, factor)
        if known.all():
            small[there] = _means(part, factor)
            continue
        mean = _means(_blanked(part, known), factor)
        for c in range(pixels.shape[2]):
            whole = np.rint(mean[:, :, c] / np.maximum(share[there], np.float32(1e-6)))
            small[there, :, c] = np.minimum(whole, np.iinfo(pixels.dtype).max)
    return small, share


def _blanked(pixels: Pixels, known: Bool) -> Pixels:
    """HxWxC with 0 where a pixel is not known."""
    return np.dstack([cv2.bitwise_and(plane, plane, mask=known.view(np.uint8)) for plane in cv2.split(pixels)])


def _means(pixels: Pixels, factor: int) -> Pixels:
    """The mean of each factor x factor square of HxWxC, in the same type."""
    whole = _padded(pixels, factor, cv2.BORDER_REPLICATE).reshape(
        -(-pixels.shape[0] // factor) * factor, -1, pixels.shape[2]
    )
    size = whole.shape[1] // factor, whole.shape[0] // factor
    # OpenCV resizes at most four channels at a time.
    parts = [whole[:, :, first : first + 4] for first in range(0, whole.shape[2], 4)]
    return np.dstack([cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_AREA) for part in parts])


def known_share(known: Bool, factor: int) -> F32:
    """The share (0..1) of True in each factor x factor square of HxW; exactly 1 where all pixels are True."""
    rows, columns = -(-known.shape[0] // factor), -(-known.shape[1] // factor)
    share = np.empty((rows, columns), np.float32)
    for first in range(0, rows, BAND):
        band = known[first * factor : (first + BAND) * factor].astype(np.float32)
        share[first : first + BAND] = np.rint(squares(band, factor) * factor**2) / factor**2
    return share


def halved(plane: F32, border: int = cv2.BORDER_REPLICATE) -> F32:
    """The means of 2x2 squares of HxW; an odd last row or column is padded by OpenCV's border type `border`."""
    return squares(plane, 2, border)


def squares(plane: Pixels, factor: int, border: int = cv2.BORDER_REPLICATE) -> F32:
    """The mean of each factor x factor square of HxW, which is extended as `border` says to whole squares."""
    whole = _padded(plane, factor, border)
    size = whole.shape[1] // factor, whole.shape[0] // factor
    return cv2.resize(whole, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _padded(pixels: Pixels, factor: int, border: int) -> Pixels:
    """Extend HxW or HxWxC at the bottom and the right to multiples of `factor`."""
    bottom, right = -pixels.shape[0] % factor, -pixels.shape[1] % factor
    return cv2.copyMakeBorder(pixels, 0, bottom, 0, right, border) if bottom or right else pixels
