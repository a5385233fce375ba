"""Blend a network's answer into a picture: no step at the hole's rim, and the picture's grain inside."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Hole = NDArray[np.bool_]
Floats = NDArray[Any]

RIM_WIDTH = 1.5
ALONG_RIM = 16.0
STEP_DEPTH = 12.0
EDGE_LEVELS = 24.0
GRAIN_WINDOW = (9, 9)
PLAIN_SHARE = 0.2
GRAIN_LIMIT = 6.0
GRAIN_SEED = 20120


def fit_into_hole(guide: Image, hole: Hole, answer: Floats, blurred: Image | None) -> Image:
    """Return `guide` (HxWx3 uint8) with its hole (HxW bool) taken from `answer` (HxWx3 float, 0 to 255).

    The colour step between answer and picture is measured across the rim, averaged along it and subtracted from the
    answer, decreasing with depth. blurred: the guide at the sharpness of the answer, or None if no detail was lost;
    the grain that it lacks is added to the answer. Pixels outside the hole are unchanged, bit for bit.
    """
    result = guide.copy()
    if not hole.any():
        return result
    fitted = np.asarray(answer, np.float32)
    if not hole.all():
        fitted = _without_step(guide, hole, fitted)
        if blurred is not None:
            fitted = fitted + _grain(guide, hole, blurred)[:, :, None]
    result[hole] = np.clip(np.rint(fitted[hole]), 0, 255).astype(np.uint8)
    return result


def _without_step(guide: Image, hole: Hole, answer: Floats) -> Floats:
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    beside, weight = _known_mean(guide, hole)
    rim = (hole & (depth <= RIM_WIDTH) & (weight > 0))[:, :, None]
    step = beside - answer
    # A large difference is a contour along the rim, not a colour step of the network.
    counted = (rim & (np.abs(step).max(axis=2, keepdims=True) < EDGE_LEVELS)).astype(np.float32)
    amount = cv2.GaussianBlur(counted, (0, 0), ALONG_RIM)[:, :, None]
    mean_step = cv2.GaussianBlur(step * counted, (0, 0), ALONG_RIM) / np.maximum(amount, 1e-4)
    corrected = answer + mean_step * np.exp(-depth / STEP_DEPTH)[:, :, None]
    return np.asarray(corrected, np.float32)


def _known_mean(guide: Image, hole: Hole) -> tuple[Floats, Floats]:
    known = (~hole).astype(np.float32)
    weight = cv2.boxFilter(known, -1, (3, 3), borderType=cv2.BORDER_REPLICATE)
    total = cv2.boxFilter(guide * known[:, :, None], -1, (3, 3), borderType=cv2.BORDER_REPLICATE)
    weight = np.where(weight > 1e-3, weight, 0.0).astype(np.float32)
    return total / np.maximum(weight, 1e-3)[:, :, None], weight


def _grain(guide: Image, hole: Hole, blurred: Image) -> Floats:
    """Return HxW noise of the strength that `blurred` lacks in the plainest fifth of the picture.

    There the difference is noise; elsewhere it includes texture and contours.
    """
    lost = (guide.astype(np.float32) - blurred).mean(axis=2)
    known = (~hole).astype(np.float32)
    amount = np.maximum(cv2.boxFilter(known, -1, GRAIN_WINDOW), 1e-3)
    power = cv2.boxFilter(lost * lost * known, -1, GRAIN_WINDOW) / amount
    strength = min(float(np.sqrt(np.quantile(power[~hole], PLAIN_SHARE))), GRAIN_LIMIT)
    noise = np.random.default_rng(GRAIN_SEED).standard_normal(hole.shape, np.float32)
    return strength * noise
