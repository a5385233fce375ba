"""Fill a hole by diffusion: OpenCV's fast marching inpainting (Telea 2004), on crops around the hole's parts.

Telea, "An Image Inpainting Technique Based on the Fast Marching Method", Journal of Graphics Tools 9(1), 2004.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure import regions
from image_erase.erasure.arrays import U8, Bool, Check, Pixels, no_check
from image_erase.erasure.engine import Painter, View
from image_erase.erasure.reduction import reduce_known
from image_erase.erasure.regions import Region

RADIUS = 3
"""Radius in pixels of the neighbourhood from which a hole pixel is interpolated."""

REACH = 2 * RADIUS + 2
"""Context in pixels with which the result of a crop equals that of the whole picture.

A hole pixel is interpolated from known pixels up to RADIUS away and from their neighbours' differences, with OpenCV's
offset of one more pixel at a border: RADIUS + 3. The distance field outside the hole extends RADIUS pixels from each
part, so two parts influence each other if there are at most 2 * RADIUS + 1 known pixels between them.
"""

MOST_AREA = 1_500_000
"""Most hole pixels, in total, filled at full size; OpenCV needs about 1.5 s per million and cannot be interrupted."""

SMALL_AREA = 20_000
"""Regions with fewer pixels are filled at full size, up to MOST_AREA pixels in total."""

PER_SAMPLE = 0.5e-6
PER_CONTEXT_SAMPLE = 0.002e-6
"""Predicted seconds per channel: for each hole pixel at the size at which it is filled, and for each pixel of the box
if that is reduced."""

MOSTLY_KNOWN = 0.5
"""Least share of known pixels of a square for its reduced pixel to count as known."""


def fill(image: Pixels, hole: Bool, *, check: Check = no_check, most: int = MOST_AREA) -> Pixels:
    """Fill `hole` (HxW bool) in `image` (HxWxC uint8 or uint16, C at least 1); other pixels are unchanged.

    The result is that of OpenCV for the whole picture, with two exceptions: where the surroundings have a single
    colour, and within RADIUS of the top and left edges, where OpenCV would mix in the hole's own pixels; there the
    picture is extended by one row and column of hole. A hole with more than `most` pixels is filled at a reduced
    size. A hole without any known pixel is left unchanged. `check` is called before each part and may raise.
    """
    result = image.copy()
    for region, factor in parts(hole, most=most):
        check()
        fill_region(result, region, factor=factor)
    return result


def parts(hole: Bool, *, most: int = MOST_AREA) -> Iterator[tuple[Region, int]]:
    """The regions of a hole with the context they need, and the factor by which to reduce each."""
    reduction = math.ceil(math.sqrt(np.count_nonzero(hole) / most))
    for part in regions.group(hole, REACH * reduction) if reduction else ():
        factor = reduction if part.area > min(SMALL_AREA, most // regions.MOST_GROUPS) else 1
        yield regions.with_context(part, REACH * factor, (hole.shape[0], hole.shape[1])), factor


def seconds(region: Region, channels: int, factor: int = 1) -> float:
    """Predict the time for filling a region in `channels` channels from a picture `factor` times smaller."""
    reduced = PER_CONTEXT_SAMPLE * region.hole.size if factor > 1 else 0.0
    return channels * (PER_SAMPLE * region.area / factor**2 + reduced)


def guess(image: Pixels, hole: Bool, factor: int) -> None:
    """Fill `hole` in `image` in place, fast and roughly, from a picture `factor` times smaller."""
    for part in regions.group(hole, REACH * factor):
        fill_region(image, regions.with_context(part, REACH * factor, (hole.shape[0], hole.shape[1])), factor=factor)


def fill_region(image: Pixels, region: Region, *, factor: int = 1) -> None:
    """Fill one region of `image` in place, from a picture `factor` times smaller.

    Hole pixels of other regions inside its box count as known.
    """
    fill_crop(image[region.box], region, factor=factor)


def fill_crop(crop: Pixels, region: Region, *, factor: int = 1) -> None:
    """Fill one region in place, given the crop of its box."""
    if factor > 1:
        _fill_reduced(crop, region.hole, factor)
        return
    frame = int(region.box[0].start == 0), int(region.box[1].start == 0)
    crop[region.hole] = _inpainted(crop, region.hole, frame)[region.hole]


@dataclass(frozen=True)
class Diffusion:
    """The diffusion engine, on a picture `factor` times smaller."""

    factor: int = 1
    name: str = "opencv"

    def painter(self, view: View) -> Painter:
        """Return a painter that diffuses every layer by itself; no preparation is needed."""

        def paint(pixels: Pixels) -> None:
            fill_crop(pixels, view.region, factor=self.factor)

        return paint


def _inpainted(crop: Pixels, hole: Bool, frame: tuple[int, int]) -> Pixels:
    """cv2.inpaint for any number of channels, with `frame` rows and columns of hole added at the top and left."""
    top, left = frame
    mask = np.pad(hole.view(np.uint8), ((top, 0), (left, 0)), constant_values=1)
    if mask.all():
        return crop
    padded: Pixels = np.pad(crop, ((top, 0), (left, 0), (0, 0)))
    planes = [_inpainted_plane(plane, mask) for plane in _planes(padded)]
    return np.dstack(planes).astype(crop.dtype, copy=False)[top:, left:]


def _inpainted_plane(plane: Pixels, mask: U8) -> Pixels:
    """cv2.inpaint, but exact if all known pixels have one colour, where OpenCV is off by a grey level."""
    known = plane[mask == 0]
    if (known == known[0]).all():
        return np.where(mask.reshape(mask.shape + (1,) * (plane.ndim - 2)) > 0, known[0], plane)
    return cv2.inpaint(plane, mask, RADIUS, cv2.INPAINT_TELEA).astype(plane.dtype, copy=False)


def _planes(pixels: Pixels) -> list[Pixels]:
    """Split HxWxC into the planes that cv2.inpaint takes: three channels of 8 bits at a time, otherwise one."""
    channels = pixels.shape[2]
    threes = channels - channels % 3 if pixels.dtype == np.uint8 else 0
    starts = [*range(0, threes, 3), *range(threes, channels)]
    widths = [3 if start < threes else 1 for start in starts]
    return [np.ascontiguousarray(pixels[:, :, s : s + w]) for s, w in zip(starts, widths, strict=True)]


def _fill_reduced(crop: Pixels, hole: Bool, factor: int) -> None:
    """Fill the hole of `crop` in place from a picture `factor` times smaller."""
    small, share = reduce_known(crop, hole, factor)
    small_hole = share < MOSTLY_KNOWN
    if small_hole.all():
        crop[hole] = np.rint(crop[~hole].mean(axis=0)).astype(crop.dtype)
        return
    filled = _inpainted(small, small_hole, (1, 1))
    for c in range(crop.shape[2]):
        plane = cv2.resize(
            np.ascontiguousarray(filled[:, :, c]), (0, 0), fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR
        )
        np.copyto(crop[:, :, c], plane[: crop.shape[0], : crop.shape[1]], where=hole)
