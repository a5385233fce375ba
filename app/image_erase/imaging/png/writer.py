"""Write PNG files, with a row filter chosen by a sample and ISA-L's compressor."""

from collections.abc import Iterator

import cv2
import numpy as np
from isal import isal_zlib

from image_erase.imaging.picture import Pixels
from image_erase.imaging.png.chunks import assembled
from image_erase.imaging.png.filters import Filter, Rows, average, by_row, plain, sub, up

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_SWAPS = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
# The first is best for photographs; another must make a sample smaller by enough to be worth its time.
_FILTERS: tuple[tuple[Filter, float], ...] = ((sub, 1.0), (average, 0.98), (up, 0.98), (plain, 0.98), (by_row, 0.95))
_LEVEL = 3
_BAND_BYTES = 1024 * 1024
_SAMPLES, _SAMPLE_BYTES, _LEAST_ROWS = 3, 128 * 1024, 8


def encoded_png(image: Pixels) -> bytes:
    """Encode a canvas as PNG: HxWxC uint8 or uint16, colours as BGR."""
    height, width, channels = image.shape
    depth = image.dtype.itemsize * 8
    chosen = _filter_for(image)
    stream = isal_zlib.compressobj(_LEVEL)
    parts = [stream.compress(each.data) for each in _filtered(image, chosen, _band(image))]
    return assembled((width, height), depth, _COLOUR_TYPES[channels], b"".join((*parts, stream.flush())))


def _filter_for(image: Pixels) -> Filter:
    """Return the filter with which a sample of the rows is smallest, if that is worth its time."""
    sample = list(_sample(image))
    sizes = [
        sum(len(isal_zlib.compress(next(_filtered(rows, each, len(rows))), _LEVEL)) for rows in sample) / worth
        for each, worth in _FILTERS
    ]
    return _FILTERS[int(np.argmin(sizes))][0]


def _sample(image: Pixels) -> Iterator[Pixels]:
    """Return bands of rows, each longer than the window of the compressor."""
    height = len(image)
    rows = min(height, max(_LEAST_ROWS, _SAMPLE_BYTES // image[:1].nbytes))
    for number in range(_SAMPLES if rows < height else 1):
        start = (height - rows) * number // (_SAMPLES - 1)
        yield image[start : start + rows]


def _band(image: Pixels) -> int:
    return max(1, _BAND_BYTES // image[:1].nbytes)


def _filtered(image: Pixels, by: Filter, band: int) -> Iterator[Rows]:
    """Yield the filtered rows in bands, so that the picture is not copied as a whole."""
    step = image.shape[2] * image.dtype.itemsize
    last = np.zeros((1, image.shape[1] * step), np.uint8)
    for start in range(0, len(image), band):
        rows = _as_bytes(image[start : start + band])
        yield by(rows, np.concatenate([last, rows[:-1]]), step)
        last = rows[-1:]


def _as_bytes(image: Pixels) -> Rows:
    """Return rows in PNG's layout: colours as RGB, 16 bits with the high byte first."""
    code = _SWAPS.get(image.shape[2])
    pixels = image if code is None else cv2.cvtColor(image, code)
    if image.dtype == np.uint16:
        pixels = pixels.astype(">u2")
    return np.ascontiguousarray(pixels).view(np.uint8).reshape(len(image), -1)
