"""Write PNG files of few colours: with the palette of the source, or with its 1, 2 or 4 bits of grey.

What was filled is rounded to these colours. It was copied from a picture that has no others, so that only blended
seams are rounded, and where a picture has bands or dots of few colours a smooth fill would be conspicuous.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from image_erase.imaging.picture import Hole, Pixels
from image_erase.imaging.png.chunks import assembled, raw_chunks

_GREY, _PALETTE = 0, 3
_DEPTH_AT, _COLOUR_TYPE_AT = 24, 25
_LEVEL = 3
_BAND_PIXELS = 1024 * 1024
_NEAREST_AT_ONCE = 16 * 1024
_MOST_TRIES = 1000

Indices = NDArray[np.uint8]


@dataclass(frozen=True)
class _Colours:
    """The colours of a file. values: Nx4 uint8 BGRA. chunks: what describes them, between the header and the pixels."""

    colour_type: int
    depth: int
    values: NDArray[np.uint8]
    chunks: bytes


def indexed_png(image: Pixels, hole: Hole, source: bytes) -> bytes | None:
    """Encode a canvas in the few colours of its source.

    image: HxWxC uint8, colours as BGR. hole: HxW, the pixels that may be rounded to these colours. source: a PNG file.
    Returns None if the source has neither a palette nor less than 8 bits, or if a pixel outside the hole has another
    colour.
    """
    colours = _colours_of(source) if image.dtype == np.uint8 else None
    if colours is None:
        return None
    height, width = hole.shape
    stream, parts, numbers = isal_zlib.compressobj(_LEVEL), [], _Numbers(colours.values)
    for rows in _bands(height, width):
        indices = numbers.of(image[rows], hole[rows])
        if indices is None:
            return None
        parts.append(stream.compress(_packed(indices, colours.depth)))
    pixels = b"".join((*parts, stream.flush()))
    return assembled((width, height), colours.depth, colours.colour_type, pixels, colours.chunks)


def _colours_of(source: bytes) -> _Colours | None:
    depth, colour_type = source[_DEPTH_AT], source[_COLOUR_TYPE_AT]
    if colour_type != _PALETTE and (colour_type != _GREY or depth == 8):
        return None
    # Both are before the pixels.
    before = itertools.takewhile(lambda each: each.kind != b"IDAT", raw_chunks(source))
    found = {each.kind: each for each in before if each.kind in (b"PLTE", b"tRNS")}
    if colour_type == _GREY and b"tRNS" not in found:
        levels = np.arange(2**depth) * (255 // (2**depth - 1))
        values = np.repeat(levels[:, None], 4, axis=1)
        values[:, 3] = 255
        return _Colours(colour_type, depth, values.astype(np.uint8), b"")
    if colour_type != _PALETTE or b"PLTE" not in found:
        return None
    rgb = np.frombuffer(found[b"PLTE"].data, np.uint8).reshape(-1, 3)
    alpha = np.full((len(rgb), 1), 255, np.uint8)
    if b"tRNS" in found:
        given = np.frombuffer(found[b"tRNS"].data, np.uint8)
        alpha[: len(given), 0] = given
    raw = b"".join(bytes(found[kind].raw) for kind in (b"PLTE", b"tRNS") if kind in found)
    return _Colours(colour_type, depth, np.hstack([rgb[:, ::-1], alpha]), raw)


def _bands(height: int, width: int) -> Iterator[slice]:
    rows = max(1, _BAND_PIXELS // width)
    return (slice(start, start + rows) for start in range(0, height, rows))


class _Numbers:
    """Finds the number of a colour, by a table of hashes without collisions.

    A multiplier is as good as any other, and of 256 colours with 2 ** 16 hashes, six of ten have no collision.
    """

    def __init__(self, colours: NDArray[np.uint8]) -> None:
        """colours: Nx4."""
        self._colours = colours
        self._codes = _codes(colours)
        different, first = np.unique(self._codes, return_index=True)
        multipliers = np.random.default_rng(0).integers(1, 2**32, _MOST_TRIES, np.uint32) | np.uint32(1)
        self._multiplier = next(each for each in multipliers if len(np.unique(_hashes(different, each))) == len(first))
        self._table = np.zeros(2**16, np.uint8)
        self._table[_hashes(different, self._multiplier)] = first

    def of(self, image: Pixels, hole: Hole) -> Indices | None:
        """The number of each pixel's colour, of the nearest one in the hole; None if another pixel's is missing."""
        codes = _codes(_as_bgra(image))
        numbers = self._table[_hashes(codes, self._multiplier)]
        other = self._codes[numbers] != codes
        if (other & ~hole).any():
            return None
        if other.any():
            strange, which = np.unique(codes[other], return_inverse=True)
            numbers[other] = _nearest(strange.view(np.uint8).reshape(-1, 4), self._colours)[which]
        return numbers


def _codes(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Four channels of 8 bits as one number."""
    return np.ascontiguousarray(pixels).view(np.uint32)[..., 0]


def _hashes(codes: NDArray[np.uint32], multiplier: np.uint32) -> NDArray[np.uint32]:
    return (codes * multiplier) >> np.uint32(16)


def _as_bgra(image: Pixels) -> NDArray[np.uint8]:
    """HxWx4 of HxWxC, which may be grey, grey with alpha, or colours without alpha."""
    channels = image.shape[2]
    if channels == 2:
        return np.asarray(image[..., [0, 0, 0, 1]], np.uint8)
    code = {1: cv2.COLOR_GRAY2BGRA, 3: cv2.COLOR_BGR2BGRA}.get(channels)
    return np.asarray(image if code is None else cv2.cvtColor(image, code), np.uint8)


def _nearest(pixels: NDArray[np.uint8], colours: NDArray[np.uint8]) -> NDArray[np.intp]:
    """The number of the nearest of Nx4 colours for each of Mx4 pixels."""
    wanted = colours.astype(np.float32)
    sizes = (wanted**2).sum(axis=1)
    parts = np.array_split(pixels, max(1, len(pixels) // _NEAREST_AT_ONCE))
    return np.concatenate([(sizes - 2 * part.astype(np.float32) @ wanted.T).argmin(axis=1) for part in parts])


def _packed(indices: Indices, depth: int) -> bytes:
    """Unfiltered rows, each behind the number of its filter. A byte's first pixel is in its high bits."""
    per_byte = 8 // depth
    whole = np.pad(indices, ((0, 0), (0, -indices.shape[1] % per_byte)))
    rows = np.zeros((len(whole), whole.shape[1] // per_byte), np.uint8)
    for number in range(per_byte):
        rows |= whole[:, number::per_byte] << (8 - depth * (number + 1))
    return np.pad(rows, ((0, 0), (1, 0))).tobytes()
