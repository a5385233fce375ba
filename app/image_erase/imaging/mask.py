"""Any mask file -> the hole."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.failures import SizeMismatch
from image_erase.imaging.header import FORMATS
from image_erase.imaging.picture import Hole, Picture, Pixels, turned

THRESHOLD = 128


def decode_hole(data: bytes, picture: Picture, max_side: int, *, formats: Sequence[str] = FORMATS) -> Hole:
    """The mask as HxW bool, True where the picture is to be erased, in the upright picture's size.

    A mask that fits the upright picture is upright; one that fits only the picture's stored orientation is turned
    along with it. formats: those that are taken. Raises what decode_picture raises, and SizeMismatch.
    """
    mask = decode_picture(data, max_side, "mask", formats=formats)
    hole = _painted(mask)
    if mask.size == picture.size:
        return hole
    if mask.size == picture.stored_size:
        return np.ascontiguousarray(turned(hole, picture.orientation))
    raise SizeMismatch("mask", "The mask is {}x{}, the image is {}x{}.".format(*mask.size, *picture.size))


def grown(hole: Hole, radius: int) -> Hole:
    """The hole with all that is at most `radius` pixels away from it, as a round brush would leave it.

    HxW bool -> HxW bool, no view of the one given. A pixel is as far away as its centre is from the nearest centre in
    the hole.
    """
    height, width = hole.shape
    result = hole.copy()
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    if radius <= 0 or not rows.size:
        return result
    # Nothing beyond can be reached, and distances are what takes the time.
    reach = min(radius, height + width)
    top, bottom = max(0, rows[0] - reach), rows[-1] + 1 + reach
    left, right = max(0, columns[0] - reach), columns[-1] + 1 + reach
    near = np.s_[top:bottom, left:right]
    distance = cv2.distanceTransform((~hole[near]).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    result[near] = distance <= reach
    return result


def _painted(mask: Picture) -> Hole:
    """White is painted, or, on a transparent canvas where luma tells nothing apart, what is opaque."""
    pixels = _in_8_bits(mask.pixels)
    bright = _luma(pixels, mask.mode) >= THRESHOLD
    if mask.mode.endswith("A"):
        alpha = pixels[..., -1]
        if not alpha.all() and (bright.all() or not bright.any()):
            painted: Hole = alpha >= THRESHOLD
            return painted
    return bright


def _in_8_bits(pixels: Pixels) -> NDArray[np.uint8]:
    return (pixels >> 8 if pixels.dtype == np.uint16 else pixels).astype(np.uint8, copy=False)


def _luma(pixels: NDArray[np.uint8], mode: str) -> NDArray[np.uint8]:
    """Luma of ITU-R BT.601, rounded. HxWxC as the mode names it -> HxW."""
    if mode in ("L", "LA"):
        return pixels[..., 0]
    if mode == "CMYK":
        pixels = (255 - pixels[..., :3]) * (255 - pixels[..., 3:].astype(np.uint16)) // 255
    weights = np.array([19595, 38470, 7471], np.uint32)
    return ((pixels[..., :3] @ weights + 0x8000) >> 16).astype(np.uint8)
