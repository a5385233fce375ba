"""Find where strong straight edges enter the hole, and their colour profiles."""

from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, Bool, Check, Index, no_check
from image_erase.erasure.copying.pyramid import COLOURS, Level

MARGIN = 24  # px around the hole's box
RING = (1.5, 3.0)  # px from the hole; where edges are looked for
BLUR = 2.0  # px, of the structure tensor
SOFT = 3.0  # px, blur of the hole's outline, whose gradient is the direction into the hole
COHERENT = 0.55
STRONG = 4.0  # grey levels per px
APART = 7  # px; of edges closer together only the strongest is kept
ENTERING = 0.3  # least cosine between an edge and the direction into the hole
MOST_ENDS = 96
REACH = 5  # px on either side of an edge that belong to its profile
BACK = (0.0, 1.5, 3.0)  # px away from the hole; where the profile is sampled


@dataclass(frozen=True)
class Ends:
    """N points on the rim where an edge enters the hole.

    at, along: (N, 2), the point, and the unit vector along the edge into the hole. profile: (N, S, C), the colours
    across the edge, from left to right when looking into the hole, mean 0. contrast: (N,), their variance.
    """

    at: F32
    along: F32
    profile: F32
    contrast: F32


def ends(level: Level, check: Check = no_check) -> Ends:
    """The edges that run into the hole of `level`, strongest first; at most MOST_ENDS."""
    ys, xs = np.nonzero(level.hole)
    h, w = level.hole.shape
    top, left = max(0, ys.min() - MARGIN), max(0, xs.min() - MARGIN)
    cut = np.s_[top : min(h, ys.max() + MARGIN + 1), left : min(w, xs.max() + MARGIN + 1)]
    hole, planes = level.hole[cut], np.ascontiguousarray(level.planes[:COLOURS, cut[0], cut[1]])
    check()
    strength, coherence, double = _edges(planes, hole, check)
    check()
    place = _peaks(hole, strength, coherence)
    at = np.stack(np.divmod(place, hole.shape[1]), axis=1).astype(np.float32)
    angle = 0.5 * np.arctan2(*(plane.take(place) for plane in double))
    heading = np.stack([np.cos(angle), -np.sin(angle)], axis=-1)
    inward = _inward(hole, place)
    facing = (heading * inward).sum(axis=1, keepdims=True)
    enters = np.abs(facing[:, 0]) > ENTERING
    at, heading = at[enters], (heading * np.sign(facing))[enters]
    profile = _profiles(planes, hole, at, heading)
    contrast = (profile**2).mean(axis=(1, 2))
    return Ends(at + np.array((top, left), np.float32), heading, profile, contrast)


def _edges(planes: F32, hole: Bool, check: Check) -> tuple[F32, F32, tuple[F32, F32]]:
    """Strength, coherence, and a vector of twice the angle across the edge (y, x), from the structure tensor; HxW."""
    seen = cv2.erode((~hole).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    weight = np.maximum(cv2.GaussianBlur(seen, (0, 0), BLUR), 1e-3)
    xx, yy, xy = np.zeros((3, *hole.shape), np.float32)
    for plane in planes:
        check()
        gx = cv2.Sobel(plane, cv2.CV_32F, 1, 0, scale=1 / 8) * seen
        gy = cv2.Sobel(plane, cv2.CV_32F, 0, 1, scale=1 / 8) * seen
        xx += gx * gx
        yy += gy * gy
        xy += gx * gy
    xx, yy, xy = (np.asarray(cv2.GaussianBlur(p, (0, 0), BLUR) / weight, np.float32) for p in (xx, yy, xy))
    check()
    total = xx + yy
    coherence = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / np.maximum(total, 1e-3)
    return total, coherence, (2 * xy, xx - yy)


def _peaks(hole: Bool, strength: F32, coherence: F32) -> Index:
    """Flat indices of pixels around the hole at which an edge is clear and locally strongest, best first."""
    away = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, 3)
    clear = (away >= RING[0]) & (away < RING[1]) & (coherence > COHERENT) & (strength > STRONG**2)
    score = np.where(clear, strength * coherence, 0)
    peaks = np.flatnonzero(clear & (score >= cv2.dilate(score, np.ones((APART, APART), np.uint8))))
    return peaks[np.argsort(-score.ravel()[peaks], kind="stable")[:MOST_ENDS]]


def _inward(hole: Bool, place: Index) -> F32:
    """Nx2 unit vectors into the hole at N flat indices."""
    soft = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), SOFT)
    slopes = (np.asarray(cv2.Sobel(soft, cv2.CV_32F, *order), np.float32) for order in ((0, 1), (1, 0)))
    slope = np.stack([plane.take(place) for plane in slopes], axis=-1)
    return np.asarray(slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-6), np.float32)


def _profiles(planes: F32, hole: Bool, at: F32, along: F32) -> F32:
    """NxSxC colours across each edge, averaged over a few px outside the hole, mean 0."""
    across = np.arange(-REACH, REACH + 1, dtype=np.float32)
    right = np.stack([along[:, 1], -along[:, 0]], axis=1)
    known = (~hole).astype(np.float32)
    masked = planes * known
    total = np.zeros((len(planes), len(at), len(across)), np.float32)
    weight = np.full((len(at), len(across)), 1e-6, np.float32)
    for back in BACK:
        points = (at - back * along)[:, None] + across[None, :, None] * right[:, None]
        share = sample(known, points) ** 4
        weight += share
        total += np.stack([sample(plane, points) for plane in masked]) * share
    colours = np.moveaxis(total / weight, 0, 2)
    return np.asarray(colours - colours.mean(axis=1, keepdims=True), np.float32)


def sample(plane: F32, points: F32) -> F32:
    """Sample HxW `plane` bilinearly at (..., 2) points (y, x); points outside are moved to the border."""
    most = np.array(plane.shape) - 1
    points = np.clip(points, 0, most)
    low = np.minimum(points.astype(np.intp), np.maximum(most - 1, 0))
    high = np.minimum(low + 1, most)
    y, x = np.moveaxis((points - low).astype(np.float32), -1, 0)
    (top, left), (bottom, right) = np.moveaxis(low, -1, 0), np.moveaxis(high, -1, 0)
    upper = plane[top, left] * (1 - x) + plane[top, right] * x
    lower = plane[bottom, left] * (1 - x) + plane[bottom, right] * x
    return np.asarray(upper * (1 - y) + lower * y, np.float32)
