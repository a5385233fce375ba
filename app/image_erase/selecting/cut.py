"""Find the best outline of the object: a minimal cut, by OpenCV's solver.

Rother, Kolmogorov and Blake, "GrabCut", SIGGRAPH 2004, of which only the cut is used. OpenCV computes the costs of
single pixels from normal distributions of colours. To use other costs instead, one of the picture's three channels
holds the log odds, and the distributions are such that they differ in that channel only.
"""

from __future__ import annotations

import cv2
import numpy as np

from image_erase.selecting.arrays import F32, F64, U8, Bool

SMOOTHNESS = 10.0
"""Cost of one step of the outline in flat ground, in units of log odds."""

MOST = 4.0
"""Upper bound of a pixel's log odds."""

_LEVELS = 14
"""Number of steps in each direction to which log odds are rounded; more would count as contrast of the picture."""

_COMPONENTS = 5
"""Number of components of each colour distribution in OpenCV."""

_STEP = 50.0
"""Cost of one step of the outline in flat ground in OpenCV."""


_WIDE = 1e4
"""Variance with which a channel has no influence."""


class Cutter:
    """Cuts one picture (HxWx3 BGR), any number of times."""

    def __init__(self, picture: U8) -> None:
        self._image = np.dstack([np.zeros(picture.shape[:2], np.uint8), _two_channels(picture)])

    def cut(self, odds: F32, possible: Bool, sure: Bool) -> Bool:
        """Return the pixels of the object (HxW).

        odds: HxW, log odds. possible, sure: HxW, where the object can be, and where it certainly is.
        """
        levels = np.rint(np.clip(odds / MOST, -1, 1) * _LEVELS)
        self._image[..., 0] = (128 + levels).astype(np.uint8)
        mask = np.where(odds > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        mask[~possible] = cv2.GC_BGD
        mask[sure] = cv2.GC_FGD
        ground, thing = _models(_STEP * MOST / SMOOTHNESS)
        cv2.grabCut(self._image, mask, (0, 0, 1, 1), ground, thing, 1, cv2.GC_EVAL_FREEZE_MODEL)
        return (mask & 1).astype(np.bool_)


def _two_channels(picture: U8) -> U8:
    """Project the colours onto the two directions in which the picture varies most."""
    lab = cv2.cvtColor(picture, cv2.COLOR_BGR2Lab).reshape(-1, 3).astype(np.float32)
    centred = lab - lab.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    flat = centred @ axes[:, :0:-1].astype(np.float32)
    channels: U8 = np.clip(flat + 128, 0, 255).astype(np.uint8).reshape(*picture.shape[:2], 2)
    return channels


def _models(difference: float) -> tuple[F64, F64]:
    """Return distributions of ground and object whose log densities differ by +-difference at the outermost levels.

    Two normal distributions of the same variance v at 128 - m and 128 + m differ by 2 m x / v at 128 + x.
    """
    variance = 2 * _LEVELS**2 / difference
    return _model(128 - _LEVELS, variance), _model(128 + _LEVELS, variance)


def _model(mean: float, variance: float) -> F64:
    """Return weights, means and covariances of five distributions for OpenCV; only the first has any weight."""
    weights = np.eye(1, _COMPONENTS)
    means = np.full((_COMPONENTS, 3), (mean, 128, 128))
    covariances = np.full((_COMPONENTS, 3, 3), np.diag((variance, _WIDE, _WIDE)))
    return np.concatenate([weights, means, covariances], axis=None)[np.newaxis].astype(np.float64)
