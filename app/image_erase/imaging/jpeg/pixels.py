"""The pixels of a JPEG, decoded by libjpeg-turbo into the layout that erasing works on."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.jpeg.library import LibraryMissing, find_library, has_v3

# TurboJPEG's TJPF: samples of a pixel -> blue, green and red, or grey.
_LAYOUTS = {3: 1, 1: 6}
_WIDTH, _HEIGHT = 5, 6


def decoded_pixels(coded: bytes, width: int, height: int, channels: int) -> NDArray[np.uint8] | None:
    """Decode a JPEG file as it is stored, not turned upright: H x W x channels, 3 are BGR, 1 is grey.

    The same pixels as Pillow's, which calls the same library with the same parameters. None where the library is
    missing, older than 3.1, or has anything to complain of: then another decoder shall say what the file is.
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
        pixels = np.empty((height, width, channels), np.uint8)
        return pixels if _decode(library, handle, coded, pixels) else None
    finally:
        library.tjDestroy(handle)


def _decode(library: ctypes.CDLL, handle: int, coded: bytes, pixels: NDArray[np.uint8]) -> bool:
    """Fill `pixels`; False where the library warns, refuses, or reads another size from the file."""
    height, width, channels = pixels.shape
    if library.tj3DecompressHeader(handle, coded, len(coded)):
        return False
    if (library.tj3Get(handle, _WIDTH), library.tj3Get(handle, _HEIGHT)) != (width, height):
        return False
    target = pixels.ctypes.data
    return not library.tj3Decompress8(handle, coded, len(coded), target, width * channels, _LAYOUTS[channels])
