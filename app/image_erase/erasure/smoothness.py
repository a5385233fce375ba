"""Detect scratches on smooth ground, which diffusion fills as well as any engine."""

from __future__ import annotations

import cv2
import numpy as np

from image_erase.erasure import diffusion, regions
from image_erase.erasure.canvas import Canvas
from image_erase.erasure.engine import View
from image_erase.erasure.regions import Region

SCRATCH = 2.5
"""Greatest half width in pixels of a scratch."""

SMOOTH = 3.0
"""Grey levels: on smooth ground 90 % of the pixels differ less than this from the mean around them."""


def is_scratch(canvas: Canvas, part: Region) -> bool:
    """Whether a part is so thin, and its surroundings so smooth, that diffusion looks as good as copying."""
    return part.half_width <= SCRATCH and _roughness(canvas.view(scratched(part, canvas.shape))) <= SMOOTH


def scratched(part: Region, shape: tuple[int, int]) -> Region:
    """The part with the context that diffusion uses."""
    return regions.with_context(part, diffusion.REACH, shape)


def _roughness(near: View) -> float:
    """The 90 % quantile of how much known pixels next to the region differ from the mean around them."""
    luma = cv2.cvtColor(near.guide, cv2.COLOR_BGR2GRAY).astype(np.float32)
    known = near.valid.astype(np.float32)
    window = (2 * diffusion.REACH + 1,) * 2
    mean = cv2.blur(luma * known, window) / np.maximum(cv2.blur(known, window), 1e-6)
    difference = np.abs(luma - mean)[known > 0]
    return float(np.quantile(difference, 0.9)) if difference.size else np.inf
