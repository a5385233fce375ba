"""How much more likely each pixel's colour is in the object than around it."""

from __future__ import annotations

import cv2
import numpy as np

from image_erase.selecting.arrays import F32, U8, Bool, Index

BINS = 24
"""Number of bins along each axis of the colour space, over the range of the picture's colours."""

_LEAST_SPAN = 24.0
"""Least range of an axis: in a picture of nearly one colour, bins are not finer than noise."""

_UNSEEN = 0.02
"""The share of unobserved colours, spread over all bins."""


class Colours:
    """The colours of a picture (HxWx3 BGR) in bins."""

    def __init__(self, picture: U8) -> None:
        lab = cv2.cvtColor(picture, cv2.COLOR_BGR2Lab).astype(np.float32)
        low, high = np.percentile(lab[::2, ::2].reshape(-1, 3), (0.5, 99.5), axis=0)
        scale = BINS / np.maximum(high - low, _LEAST_SPAN)
        bins = np.clip((lab - low) * scale, 0, BINS - 1).astype(np.intp)
        self._index: Index = (bins[..., 0] * BINS + bins[..., 1]) * BINS + bins[..., 2]

    def log_odds(self, inside: Bool, outside: Bool) -> F32:
        """Return the log odds that each pixel's colour is inside: HxW.

        inside, outside: HxW, sample pixels of the object and of its surroundings.
        """
        table: F32 = np.log(_shares(self._index[inside])) - np.log(_shares(self._index[outside]))
        return np.take(table, self._index)


def _shares(index: Index) -> F32:
    """Return smoothed shares of all colours, none of them zero."""
    counts: F32 = np.bincount(index, minlength=BINS**3).astype(np.float32)
    for _ in range(3):
        rows = cv2.GaussianBlur(counts.reshape(BINS, -1), (1, 7), 0, sigmaY=1.0, borderType=cv2.BORDER_REFLECT)
        # The axes are rotated, so that the next one comes first; after three times they are in order again.
        counts = np.moveaxis(rows.astype(np.float32).reshape(BINS, BINS, BINS), 0, 2).reshape(-1)
    shares: F32 = counts / max(1.0, float(counts.sum())) + np.float32(_UNSEEN / BINS**3)
    return shares
