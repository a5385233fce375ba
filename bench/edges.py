"""Holes across strong straight edges of a photograph, where errors are most visible."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]

LONGEST_SIDE = 768
"""Pixels; edges are looked for in the photograph shrunk to this."""

LEAST_LENGTH = 0.16
"""Of the longer side; shorter edges hardly cross a hole and go on on both sides of it."""

STRENGTH = 24.0
"""Grey levels between the two sides of an edge, at least, in the median along it."""

BESIDE = 4.0
"""Pixels from the edge at which the two sides are looked at."""

SHARE = 0.5
"""Of the edge's length that the hole covers, so that a quarter of it is left to see on both sides."""

LARGEST = 0.24
"""Diameter of the hole at most, of the shorter side."""

BEST = 6
"""Edges among which one is chosen, the clearest first."""


def hole_across(photo: NDArray[np.uint8], rng: np.random.Generator) -> BoolArray | None:
    """A round hole (HxW) in the middle of one of the clearest straight edges of `photo` (HxWx3 BGR); None without any.

    Its diameter is SHARE of the edge's length, at most LARGEST of the picture's shorter side.
    """
    scale = max(1.0, max(photo.shape[:2]) / LONGEST_SIDE)
    edges = straight_edges(_shrunk(photo, scale))
    if not len(edges):
        return None
    x1, y1, x2, y2 = edges[int(rng.integers(min(BEST, len(edges))))] * scale
    diameter = min(SHARE * float(np.hypot(x2 - x1, y2 - y1)), LARGEST * min(photo.shape[:2]))
    at = rng.uniform(0.4, 0.6)
    centre = round(float(x1 + at * (x2 - x1))), round(float(y1 + at * (y2 - y1)))
    hole = np.zeros(photo.shape[:2], np.uint8)
    cv2.circle(hole, centre, max(4, round(diameter / 2)), 1, cv2.FILLED)
    return hole.astype(np.bool_)


def straight_edges(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Nx4: ends (x1, y1, x2, y2) of the long straight edges of HxWx3 BGR, the clearest (length x strength) first."""
    luma = np.asarray(cv2.GaussianBlur(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), (0, 0), 1.0), np.uint8)
    least = round(LEAST_LENGTH * max(luma.shape))
    found = cv2.HoughLinesP(cv2.Canny(luma, 50, 120), 1, np.pi / 360, 60, minLineLength=least, maxLineGap=4)
    if found is None:
        return np.empty((0, 4), np.float32)
    ends = found.reshape(-1, 4).astype(np.float32)
    strengths = np.array([_strength(luma, end) for end in ends])
    lengths = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    order = np.argsort(-lengths * strengths, kind="stable")
    return ends[[i for i in order if strengths[i] >= STRENGTH]]


def _strength(luma: NDArray[np.uint8], end: NDArray[np.float32]) -> float:
    """The median difference in grey levels between the two sides of an edge."""
    start, stop = end[:2], end[2:]
    along = (stop - start) / max(float(np.hypot(*(stop - start))), 1.0)
    across = np.array([-along[1], along[0]], np.float32) * BESIDE
    points = start + np.linspace(0, 1, 64, dtype=np.float32)[:, None] * (stop - start)
    sides = []
    for beside in (points + across, points - across):
        x, y = (np.ascontiguousarray(beside[None, :, axis]) for axis in (0, 1))
        sides.append(cv2.remap(luma, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0])
    return float(np.median(np.abs(sides[0].astype(np.float32) - sides[1])))


def _shrunk(photo: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1:
        return photo
    size = round(photo.shape[1] / scale), round(photo.shape[0] / scale)
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
