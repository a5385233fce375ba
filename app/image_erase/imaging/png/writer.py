"""Pixels -> a PNG file, by the filter and the strategy that suit them."""

import struct
import zlib
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from image_erase.imaging.picture import Pixels
from image_erase.imaging.png.chunks import SIGNATURE, chunk

_GREY_ALPHA = 4
_FILTER_UP = 2
# OpenCV's defaults: rows filtered by the pixel to the left, runs only. Fast, and right for photographs.
_USUAL: tuple[int, ...] = ()
_LEVEL, _STRATEGY, _FILTER = cv2.IMWRITE_PNG_COMPRESSION, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_FILTER
_RUNS, _ALL = cv2.IMWRITE_PNG_STRATEGY_RLE, cv2.IMWRITE_PNG_STRATEGY_DEFAULT
# For rows that are alike, for patterns, for patterns and gradients, and for all that only a choice by row finds.
_OTHERS: tuple[tuple[int, ...], ...] = (
    (_LEVEL, 1, _STRATEGY, _RUNS, _FILTER, cv2.IMWRITE_PNG_FILTER_UP),
    (_LEVEL, 1, _STRATEGY, _ALL, _FILTER, cv2.IMWRITE_PNG_FILTER_NONE),
    (_LEVEL, 1, _STRATEGY, _ALL, _FILTER, cv2.IMWRITE_PNG_FILTER_UP),
    (_LEVEL, 1, _STRATEGY, _ALL, _FILTER, cv2.IMWRITE_PNG_ALL_FILTERS),
)
# Writing again is worth its time where the file has become twice as large, and a sample promises a third less.
_GROWN, _WORTH = 2, 0.67
_SAMPLES, _SAMPLE_BYTES, _LEAST_ROWS = 3, 128 * 1024, 8


def encoded_png(image: Pixels, source_bytes: int | None = None) -> memoryview:
    """The PNG file of a canvas: HxWxC uint8 or uint16, colours as BGR.

    source_bytes: size of the file that the picture came in, so that a picture of repeating rows or patterns does not
    become many times larger; None: whatever comes out.
    """
    if image.shape[2] == 2:
        return memoryview(_grey_alpha_png(image))
    data = _written(image, _USUAL)
    if source_bytes is None or len(data) <= _GROWN * source_bytes:
        return data
    best = _best(image)
    return data if best == _USUAL else _written(image, best)


def _best(image: Pixels) -> tuple[int, ...]:
    """The parameters that make a sample of the rows smallest; the usual ones where others are hardly better."""
    sample = list(_sample(image))
    usual, *others = (_size(sample, parameters) for parameters in (_USUAL, *_OTHERS))
    smallest = min(others)
    return _OTHERS[others.index(smallest)] if smallest < _WORTH * usual else _USUAL


def _sample(image: Pixels) -> Iterator[Pixels]:
    """Stretches of rows, each longer than what a compressor looks back."""
    height = len(image)
    rows = min(height, max(_LEAST_ROWS, _SAMPLE_BYTES // image[:1].nbytes))
    for number in range(_SAMPLES):
        start = (height - rows) * number // (_SAMPLES - 1)
        yield image[start : start + rows]


def _size(sample: Sequence[Pixels], parameters: Sequence[int]) -> int:
    return sum(len(_written(rows, parameters)) for rows in sample)


def _written(image: Pixels, parameters: Sequence[int]) -> memoryview:
    written, data = cv2.imencode(".png", image, parameters)
    if not written:
        # The one thing that can go wrong with pixels that are as they should be.
        raise MemoryError("OpenCV could not write the PNG")
    return data.data


def _grey_alpha_png(pixels: Pixels) -> bytes:
    """Grey with alpha, which OpenCV has no PNG for. Rows are filtered against the row above (PNG filter 2)."""
    height, width = pixels.shape[:2]
    depth = pixels.dtype.itemsize * 8
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, 1 + rows.shape[1]), np.uint8)
    filtered[:, 0] = _FILTER_UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, depth, _GREY_ALPHA, 0, 0, 0)
    return b"".join(
        (
            SIGNATURE,
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(filtered.tobytes(), level=1)),
            chunk(b"IEND", b""),
        )
    )
