"""Straight lines and edges that enter the hole on one side and leave it on the other.

Patches alone lose a line that is narrow compared with the hole: it has vanished at the levels where the hole is small.
So strong edges along the rim are paired: two that lie on one straight line and have similar profiles count as one
line, which is drawn into the guess before the search for patches.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, Check, Index
from image_erase.erasure.copying.edges import REACH, Ends, ends, sample
from image_erase.erasure.copying.pyramid import Level

DEEPEST = 40.0  # px; lines are looked for at the finest level whose hole is no deeper
SHALLOWEST = 6.0  # px; patches bridge shallower holes without help
SLIDE = 2  # px by which the two profiles may be shifted against each other
STRAIGHT = 0.98  # cosine between an edge and the line to its counterpart
ALIKE = 0.25  # squared difference of two profiles, relative to their contrast
MOST_LINES = 8
BAND = 4.5  # px on either side of a line that are drawn
MOST_STEPS = 8  # px outwards in search of a known pixel


@dataclass(frozen=True)
class Line:
    """A line across the hole, from its pixel `start` outside one side to `end` outside the other; (y, x) float."""

    start: F32
    end: F32

    def at_scale(self, factor: float) -> "Line":
        """The same line in a picture `factor` times as large."""
        return Line((self.start + 0.5) * factor - 0.5, (self.end + 0.5) * factor - 0.5)


def find(levels: list[Level], check: Check) -> list[Line]:
    """The lines that cross the hole, in pixels of the finest level."""
    deepest = float(levels[0].depth.max())
    if deepest < SHALLOWEST:
        return []
    number = next((i for i, level in enumerate(levels) if level.depth.max() <= DEEPEST), len(levels) - 1)
    found = ends(levels[number], check)
    check()
    return [line.at_scale(2.0**number) for line in _chosen(_pairs(found))]


def _pairs(found: Ends) -> Iterator[Line]:
    """Candidate lines between ends that face each other and have similar profiles, the clearest first."""
    gap = found.at[None] - found.at[:, None]
    length = np.maximum(np.linalg.norm(gap, axis=2), 1e-6)
    leaves = np.einsum("ijk,ik->ij", gap, found.along) / length
    arrives = -np.einsum("ijk,jk->ij", gap, found.along) / length
    first, second = np.nonzero(np.triu((leaves > STRAIGHT) & (arrives > STRAIGHT) & (length > 2 * REACH), 1))
    unlike, slide = _unlikeness(found, first, second)
    clear = np.minimum(found.contrast[first], found.contrast[second]) * (ALIKE - unlike)
    for k in np.argsort(-clear, kind="stable"):
        if clear[k] <= 0:
            return
        i, j = first[k], second[k]
        heading = gap[i, j] / length[i, j]
        right = np.array([heading[1], -heading[0]], np.float32)
        yield Line(found.at[i], found.at[j] + slide[k] * right)


def _unlikeness(found: Ends, first: Index, second: Index) -> tuple[F32, F32]:
    """The difference of each pair's profiles relative to their contrast, and the best shift of the second profile."""
    inner = slice(SLIDE, 2 * REACH + 1 - SLIDE)
    mine, other = found.profile[first], found.profile[second][:, ::-1]
    contrast = np.maximum(np.minimum(found.contrast[first], found.contrast[second]), 1e-3)
    slides = range(-SLIDE, SLIDE + 1)
    differences = []
    for slide in slides:
        part = mine[:, inner] - other[:, SLIDE + slide : 2 * REACH + 1 - SLIDE + slide]
        part = part - 0.5 * part.mean(axis=1, keepdims=True)
        differences.append((part**2).mean(axis=(1, 2)) / contrast)
    table = np.stack(differences)
    best = table.argmin(axis=0)
    return table.min(axis=0), np.array(slides, np.float32)[best]


def _chosen(lines: Iterator[Line]) -> list[Line]:
    """The best lines of which no two share an end or cross."""
    chosen: list[Line] = []
    for line in lines:
        if len(chosen) == MOST_LINES:
            break
        if not any(_conflict(line, other) for other in chosen):
            chosen.append(line)
    return chosen


def _conflict(one: Line, other: Line) -> bool:
    ends = ((one.start, other.start), (one.start, other.end), (one.end, other.start), (one.end, other.end))
    return any(np.abs(p - q).max() < REACH for p, q in ends) or (_parts(one, other) and _parts(other, one))


def _parts(line: Line, other: Line) -> bool:
    """Whether the ends of `other` lie on different sides of `line`."""
    course = line.end - line.start
    sides = [course[0] * (p - line.start)[1] - course[1] * (p - line.start)[0] for p in (other.start, other.end)]
    return bool(sides[0] * sides[1] < 0)


def draw(level: Level, line: Line) -> Index:
    """Draw the line into the guess, fading from the profile at one end to that at the other.

    Returns the flat indices of the pixels drawn.
    """
    course = line.end - line.start
    length = max(float(np.linalg.norm(course)), 1e-6)
    along = course / np.float32(length)
    right = np.array([along[1], -along[0]], np.float32)
    place = _near(level, line)
    offset = np.stack(np.divmod(place, level.hole.shape[1]), axis=1).astype(np.float32) - line.start
    forth, across = offset @ along, offset @ right
    on = np.flatnonzero((np.abs(across) <= BAND) & (forth >= 0) & (forth <= length))
    place, share, sideways = place[on], forth[on] / np.float32(length), np.outer(across[on], right).astype(np.float32)
    start, end = _outside(level, line.start, -along), _outside(level, line.end, along)
    for plane in level.planes:
        before, after = sample(plane, start + sideways), sample(plane, end + sideways)
        plane.reshape(-1)[place] = (1 - share) * before + share * after
    return place


def _near(level: Level, line: Line) -> Index:
    """The hole's pixels in a stripe around the line."""
    stripe = np.zeros(level.hole.shape, np.uint8)
    ends = [tuple(int(v) for v in np.rint(p[::-1])) for p in (line.start, line.end)]
    cv2.line(stripe, ends[0], ends[1], 1, 2 * round(BAND) + 3)
    return np.flatnonzero((stripe > 0) & level.hole)


def _outside(level: Level, place: F32, away: F32) -> F32:
    """The first pixel from `place` in direction `away` that is outside the hole."""
    h, w = level.hole.shape
    for step in range(1, MOST_STEPS + 1):
        at = np.asarray(place + step * away, np.float32)
        y, x = np.rint(at).astype(int)
        if 0 <= y < h and 0 <= x < w and not level.hole[y, x]:
            return at
    return place
