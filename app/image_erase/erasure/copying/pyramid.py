"""The picture and its hole at several resolutions, from fine to coarse."""

from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, U8, Bool, Check, no_check
from image_erase.erasure.reduction import halved

COLOURS = 3  # planes before those of texture
MAX_LEVELS = 6
THIN = 2.5  # px; a hole no deeper than this needs no coarser level
MIN_SIDE = 20  # px; below this there is too little left to copy from
TEXTURE_WINDOW = 9  # px
MOSTLY = 0.5  # share of a coarse pixel


@dataclass
class Level:
    """One resolution of the picture.

    planes: CxHxW float32, Y, Cr, Cb in 0..255 and, except at the finest level, two of texture; the hole contains the
    current guess. hole: HxW, True where pixels are missing. usable: HxW, True where pixels may be copied from. depth:
    HxW, the distance in pixels to the nearest known pixel, 0 outside the hole.
    """

    planes: F32
    hole: Bool
    usable: Bool
    depth: F32

    @property
    def thin(self) -> bool:
        """Whether plain diffusion is a good first guess for the hole."""
        return float(self.depth.max()) <= THIN


def build(guide: U8, hole: Bool, usable: Bool, check: Check = no_check) -> list[Level]:
    """Build the levels of `guide` (HxWx3 uint8 BGR), finest first; each is half as large as the one before."""
    colour = np.stack(cv2.split(cv2.cvtColor(guide, cv2.COLOR_BGR2YCrCb))).astype(np.float32)
    levels = [Level(colour, hole, usable, _depth(hole))]
    if _is_coarsest(levels[0]):
        return levels
    check()
    planes = np.concatenate([colour, _texture(colour[0], ~hole)])
    known = (~hole).astype(np.float32)
    allowed = usable.astype(np.float32)
    while len(levels) < MAX_LEVELS and not _is_coarsest(levels[-1]):
        check()
        planes = halve_known(planes, known)
        check()
        known, allowed = halved(known), halved(allowed)
        missing = known < MOSTLY
        if not missing.any():
            break
        levels.append(Level(planes, missing, ~missing & (allowed >= MOSTLY), _depth(missing)))
        known = (~missing).astype(np.float32)
    return levels


def _is_coarsest(level: Level) -> bool:
    return level.thin or min(level.hole.shape) < 2 * MIN_SIDE


def _depth(hole: Bool) -> F32:
    return np.asarray(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3), np.float32)


def halve_known(planes: F32, known: F32) -> F32:
    """Halve the planes: means over the known pixels of 2x2 blocks, 0 where none is known."""
    share = np.maximum(halved(known), 1e-6)
    return np.stack([halved(plane * known) / share for plane in planes])


def _texture(luma: F32, known: Bool) -> F32:
    """The texture around each pixel, from known pixels only: 2xHxW, how much the luma changes along x and along y."""
    seen = np.zeros((2, *luma.shape), np.float32)
    change = np.zeros_like(seen)
    seen[0, :, 1:] = known[:, 1:] & known[:, :-1]
    seen[1, 1:] = known[1:] & known[:-1]
    change[0, :, 1:] = cv2.absdiff(luma[:, 1:], luma[:, :-1])
    change[1, 1:] = cv2.absdiff(luma[1:], luma[:-1])
    return np.stack([_window_sum(c * s) / np.maximum(_window_sum(s), 1) for c, s in zip(change, seen, strict=True)])


def _window_sum(plane: F32) -> F32:
    window = (TEXTURE_WINDOW, TEXTURE_WINDOW)
    total = cv2.boxFilter(plane, -1, window, normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total, np.float32)
