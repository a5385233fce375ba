"""The soft rim of a mask: grey pixels that the mask covers partly."""

import cv2
import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.area import extent_of
from image_erase.imaging.picture import Hole

REACH = 2
"""Greatest distance of the rim from the painted pixels, in pixels."""
_FALL = 7
"""Side of the window in which grey pixels of a rim have a darker one; those at a hard edge to grey ground do not."""
_SLOPE = 3
"""Least difference of the grey levels around a pixel for it to be a valley between two rims, not flat ground."""
_FULL = 0.9
"""Share of the brightest paint from which a pixel is fully painted and tells nothing about the grey beside it."""
# Noise is measured at this distance from the hole: sides of the windows around its pixels.
_NEAR, _FAR = 7, 25
_LEAST, _LEAST_OF_LOSSY, _MOST = 5, 16, 120
# Ringing is strongest at the edge that causes it. Measured over JPEGs of quality 50 to 95.
_NOISE_FACTOR, _NOISE_PERCENTILE = 2.0, 99.9
# A drawn mask has no noise at all; one that was a JPEG has noise in 5 % of the pixels beside the hole.
_NOISY, _NOISY_SHARE = 2, 0.01
_AROUND = 16


def soft_rim(paint: NDArray[np.uint8], threshold: int, *, lossy: bool) -> tuple[Hole, Hole]:
    """Return the rim that belongs to the hole, and the half covered pixels beyond it. Both HxW bool, outside the hole.

    paint: HxW; the hole is where it is at least the threshold. A grey pixel counts if it is brighter than the ground
    near it, or on a slope and brighter than the darkest ground, by more than the noise of lossy compression. It belongs
    to the rim if it is at most REACH pixels from the hole and connected to it; other connected pixels are half covered.
    """
    rim, half_covered = np.zeros(paint.shape, np.bool_), np.zeros(paint.shape, np.bool_)
    area = extent_of(paint, _LEAST, margin=_AROUND)
    if area is not None:
        near = np.ascontiguousarray(paint[area])
        hole = near >= threshold
        if hole.any() and ((near >= _LEAST) & ~hole).any():
            rim[area], half_covered[area] = _mixed(near, hole, lossy=lossy)
    return rim, half_covered


def _mixed(paint: NDArray[np.uint8], hole: Hole, *, lossy: bool) -> tuple[Hole, Hole]:
    """Return rim and half covered pixels of an area."""
    margin = _margin(paint, hole, lossy=lossy)
    partly = np.where(hole & (paint >= _FULL * paint.max()), np.uint8(0), paint)
    lowest = cv2.erode(paint, np.ones((_FALL, _FALL), np.uint8))
    falls = paint - lowest >= margin
    slopes = cv2.subtract(cv2.dilate(partly, np.ones((_FALL, _FALL), np.uint8)), lowest) >= _SLOPE
    soft = ~hole & (falls | (slopes & (paint - paint.min() >= margin)))
    reached = hole
    for _ in range(REACH):
        reached = hole | (_dilated(reached, 3) & soft)
    rim = reached & _within_reach(hole) & ~hole
    return rim, _joined(soft & ~rim, hole | rim)


def _margin(paint: NDArray[np.uint8], hole: Hole, *, lossy: bool) -> float:
    """Return by how much a pixel must be brighter. Noise is what a median filter removes beside the hole."""
    beside = _dilated(hole, _FAR) & ~_dilated(hole, _NEAR)
    bumps = cv2.subtract(paint, cv2.medianBlur(paint, 5))[beside]
    noise = np.where(bumps >= paint[beside] // 2, bumps, 0)
    if not noise.size or not (lossy or (noise >= _NOISY).mean() > _NOISY_SHARE):
        return _LEAST_OF_LOSSY if lossy else _LEAST
    level = float(np.percentile(noise, _NOISE_PERCENTILE))
    return float(np.clip(_NOISE_FACTOR * level + _LEAST, _LEAST_OF_LOSSY, _MOST))


def _dilated(mask: Hole, side: int) -> Hole:
    return cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)) > 0


def _within_reach(hole: Hole) -> Hole:
    y, x = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]
    return cv2.dilate(hole.view(np.uint8), (x**2 + y**2 <= REACH**2).astype(np.uint8)) > 0


def _joined(soft: Hole, hole: Hole) -> Hole:
    """Return the soft pixels that are connected to the hole."""
    if not soft.any():
        return soft
    _, parts = cv2.connectedComponents((soft | hole).view(np.uint8))
    leads = np.zeros(int(parts.max()) + 1, np.bool_)
    leads[parts[hole]] = True
    joined: Hole = leads[parts] & soft
    return joined
