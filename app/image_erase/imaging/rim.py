"""The soft rim of a mask: grey pixels in which what is to be erased and what is not are mixed."""

import cv2
import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.area import extent_of
from image_erase.imaging.picture import Hole

REACH = 2
"""How far from the painted pixels the rim may reach, in pixels."""
_FALL = 7
"""Side of the window in which a grey pixel of a rim has a darker one: at a hard edge to a grey ground there is none."""
_SLOPE = 3
"""How much the grey around a pixel differs, if it is no flat ground but a valley between two rims."""
_FULL = 0.9
"""Share of the brightest paint from which on a pixel is fully painted and says nothing of the grey beside it."""
# Noise is measured that far from the hole: sides of the windows around a pixel of it.
_NEAR, _FAR = 7, 25
_LEAST, _LEAST_OF_LOSSY, _MOST = 5, 16, 120
# Ringing is stronger at the edge that makes it than beside. Measured over JPEGs of quality 50 to 95.
_NOISE_FACTOR, _NOISE_PERCENTILE = 2.0, 99.9
# A drawn mask has no noise at all; one that has been a JPEG has it in a twentieth of the pixels beside the hole.
_NOISY, _NOISY_SHARE = 2, 0.01
_AROUND = 16


def soft_rim(paint: NDArray[np.uint8], threshold: int, *, lossy: bool) -> tuple[Hole, Hole]:
    """The rim that belongs to the hole, and what is half covered beyond it. Both HxW bool, outside the hole.

    paint: HxW, the hole is where it is at least the threshold. Grey counts where it is brighter than the ground near
    it, or on a slope and brighter than the darkest ground, by more than the noise that lossy coding left. It belongs
    to the rim where it is at most REACH pixels from the hole and joined to it; what else is joined to it is half
    covered.
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
    """Rim and half covered pixels of an area."""
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
    """By how much a pixel has to stand out. Noise is bumps on black, which a median takes away, beside the hole."""
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
    """The soft pixels from which others lead to the hole."""
    if not soft.any():
        return soft
    _, parts = cv2.connectedComponents((soft | hole).view(np.uint8))
    leads = np.zeros(int(parts.max()) + 1, np.bool_)
    leads[parts[hole]] = True
    joined: Hole = leads[parts] & soft
    return joined
