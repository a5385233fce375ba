"""Decode the pixels of a JPEG by libjpeg-turbo, in the layout that the eraser works on."""

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.jpeg.library import LibraryMissing, Region, find_library, has_v3

# TurboJPEG's TJPF: samples of a pixel -> blue, green and red, or grey.
_LAYOUTS = {3: 1, 1: 6}
_WIDTH, _HEIGHT = 5, 6


# Cropping starts at an MCU, which is at most 32 pixels wide and high; at the border of a crop, chroma is interpolated
# from one side only.
_MCU = 32


def decoded_pixels(
    coded: bytes, size: tuple[int, int], channels: int, part: tuple[slice, slice]
) -> NDArray[np.uint8] | None:
    """Decode a part of a JPEG file as it is stored, not turned upright: H x W x channels, 3 are BGR, 1 is grey.

    size: width and height in pixels of the picture. part: rows and columns. The pixels are the same as Pillow's, which
    calls the same library with the same parameters. Returns None if the library is missing, older than 3.1, or reports
    any problem: then another decoder decides what the file is.
    """
    try:
        library = find_library()
    except LibraryMissing:
        return None
    if channels not in _LAYOUTS or not has_v3(library):
        return None
    handle = library.tjInitDecompress()
    if not handle:
        raise MemoryError("tjInitDecompress")
    try:
        return _decoded(_Decoder(library, handle, coded), size, channels, part)
    finally:
        library.tjDestroy(handle)


def with_margin(part: tuple[slice, slice], size: tuple[int, int]) -> tuple[slice, slice]:
    """Return rows and columns that have to be decoded for a part of a picture.

    They begin at whole MCUs, unless these are 24 pixels wide or high, and have one more MCU on each side.
    size: width and height in pixels.
    """
    rows, columns = (
        slice(max(0, each.start // _MCU * _MCU - _MCU), min(-(-each.stop // _MCU) * _MCU + _MCU, length))
        for each, length in zip(part, reversed(size), strict=True)
    )
    return rows, columns


def within(part: tuple[slice, slice], around: tuple[slice, slice]) -> tuple[slice, slice]:
    """Return where the rows and columns of a part are in a larger part."""
    rows, columns = (
        slice(inner.start - outer.start, inner.stop - outer.start) for inner, outer in zip(part, around, strict=True)
    )
    return rows, columns


@dataclass(frozen=True)
class _Decoder:
    library: ctypes.CDLL
    handle: int
    coded: bytes

    def size(self) -> tuple[int, int] | None:
        """Return width and height in pixels, None if the header is invalid."""
        if self.library.tj3DecompressHeader(self.handle, self.coded, len(self.coded)):
            return None
        return self.library.tj3Get(self.handle, _WIDTH), self.library.tj3Get(self.handle, _HEIGHT)

    def fill(self, pixels: NDArray[np.uint8], left: int, top: int) -> bool:
        """Decode the rectangle that starts there into `pixels`. Returns False if the library warns or fails."""
        height, width, channels = pixels.shape
        if self.library.tj3SetCroppingRegion(self.handle, Region(left, top, width, height)):
            return False
        target, pitch = pixels.ctypes.data, width * channels
        layout = _LAYOUTS[channels]
        return not self.library.tj3Decompress8(self.handle, self.coded, len(self.coded), target, pitch, layout)


def _decoded(
    decoder: _Decoder, size: tuple[int, int], channels: int, part: tuple[slice, slice]
) -> NDArray[np.uint8] | None:
    if decoder.size() != size:
        return None
    around = with_margin(part, size)
    top, left = (each.start for each in around)
    pixels = np.empty((around[0].stop - top, around[1].stop - left, channels), np.uint8)
    if not decoder.fill(pixels, left, top):
        return None
    return pixels[within(part, around)]
