"""Read mask files."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.failures import SizeMismatch
from image_erase.imaging.header import FORMATS
from image_erase.imaging.paint import THRESHOLD, paint_of
from image_erase.imaging.picture import Hole, Placed, turned
from image_erase.imaging.rim import soft_rim


@dataclass(frozen=True)
class Mask:
    """A mask of the upright picture.

    hole: HxW bool, True = erase, including the soft rim. half_covered: HxW bool, further pixels that the mask covers
    partly: they are not erased, but show too much of the erased object to be copied or to serve as boundary values.
    """

    hole: Hole
    half_covered: Hole


def decode_mask(
    data: bytes,
    picture: Placed,
    max_side: int,
    *,
    formats: Sequence[str] = FORMATS,
    max_pixels: int | None = None,
) -> Mask:
    """Read a mask file for a picture.

    A mask that fits the upright picture is upright; one that fits only the picture's stored orientation is turned
    along with it. formats, max_pixels: as for decode_picture. Raises what decode_picture raises, and SizeMismatch.
    """
    mask = decode_picture(data, max_side, "mask", formats=formats, max_pixels=max_pixels)
    if mask.size not in (picture.size, picture.stored_size):
        raise SizeMismatch("mask", "The mask is {}x{}, the image is {}x{}.".format(*mask.size, *picture.size))
    paint = paint_of(mask)
    lossy = mask.source is not None and mask.source.lossy
    rim, half_covered = soft_rim(paint, THRESHOLD, lossy=lossy)
    hole = paint >= THRESHOLD
    hole |= rim
    del paint, rim
    if mask.size == picture.size:
        return Mask(hole, half_covered)
    turn = picture.orientation
    return Mask(np.ascontiguousarray(turned(hole, turn)), np.ascontiguousarray(turned(half_covered, turn)))


def grown(hole: Hole, radius: int) -> Hole:
    """Return the hole (HxW) dilated by a disc of `radius` pixels, as a new array.

    Distances are measured between the centres of pixels.
    """
    height, width = hole.shape
    result = hole.copy()
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    if radius <= 0 or not rows.size:
        return result
    # Only this part can change, and computing distances takes most of the time.
    reach = min(radius, height + width)
    top, bottom = max(0, rows[0] - reach), rows[-1] + 1 + reach
    left, right = max(0, columns[0] - reach), columns[-1] + 1 + reach
    near = np.s_[top:bottom, left:right]
    distance = cv2.distanceTransform((~hole[near]).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    result[near] = distance <= reach
    return result
