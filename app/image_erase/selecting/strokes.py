"""Interpret a rough mask: whether each of its strokes lies in the object, goes around it or covers it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np

from image_erase.selecting.arrays import F32, U8, Bool

LONG = 5.0
"""A stroke is a line from this ratio of its area to that of its largest disc on; a disc has 1, a square 1.3."""

GAP = 0.15
"""Greatest gap of a lasso, as a share of its longer side."""

ENCLOSED = 0.4
"""Least share of its convex hull that a lasso encloses."""

SOLID = 0.9
"""Least share of its outline that a filled shape fills; the rest are gaps of the brush."""

ENDS = 0.2
"""Greatest share of a lasso that extends beyond the crossing of its ends."""

DAB = 2.0
"""A spot is part of the scribble if it is at most this many times as wide as the lines beside it."""

MOST = 24
"""Most strokes that are interpreted one by one; the rest count as dots inside the object."""

_UNSURE = 0.55
"""Width of the border of a filled shape that may not belong to the object, as a share of its half width."""

_BEYOND = 0.8
"""Greatest distance of the object beyond a filled shape, as a share of the half width."""

_FAR = 1.2
"""Greatest distance of the object beyond a line in it, as a share of the line's longer side."""


class Kind(StrEnum):
    """The kind of a stroke."""

    SCRIBBLE = "scribble"
    LASSO = "lasso"
    BLOB = "blob"


@dataclass(frozen=True)
class Meaning:
    """The evidence of the strokes for each pixel, all HxW.

    sure: certainly in the object. drawn: the rough mask, lassos filled; the result if no better one is found.
    possible: where the object can be at all. prior: log odds that a pixel belongs to the object. kinds: of the
    strokes.
    """

    sure: Bool
    drawn: Bool
    possible: Bool
    prior: F32
    kinds: frozenset[Kind]


@dataclass(frozen=True)
class Stroke:
    """A part of the rough mask. filled: HxW, the part, with its inside if it is a lasso. length: its longer side."""

    kind: Kind
    filled: Bool
    length: float

    @property
    def margin(self) -> float:
        """Width in pixels around the stroke in which the object can lie; as much again is context."""
        if self.kind is Kind.SCRIBBLE:
            return _FAR * self.length
        return _BEYOND * self.half_width if self.kind is Kind.BLOB else 0.0

    @property
    def half_width(self) -> float:
        """Greatest distance of a pixel from the outside, in pixels."""
        return float(_depth(self.filled).max())


def strokes_of(rough: Bool) -> list[Stroke]:
    """Return the strokes of a rough mask (HxW). A dot beside lines of its width is a part of the scribble."""
    strokes = [Stroke(*_kind(part), _length(part)) for part in _parts(rough)]
    widest = max((stroke.half_width for stroke in strokes if stroke.kind is Kind.SCRIBBLE), default=0.0)
    return [
        replace(stroke, kind=Kind.SCRIBBLE)
        if stroke.kind is Kind.BLOB and stroke.half_width <= DAB * widest
        else stroke
        for stroke in strokes
    ]


def meaning_of(strokes: list[Stroke]) -> Meaning:
    """Combine the evidence of all strokes, of which there is at least one."""
    parts = [_read(stroke) for stroke in strokes]
    sure, possible, prior = (list(each) for each in zip(*parts, strict=True))
    return Meaning(
        np.logical_or.reduce(sure),
        np.logical_or.reduce([stroke.filled for stroke in strokes]),
        np.logical_or.reduce(possible),
        np.maximum.reduce(prior),
        frozenset(stroke.kind for stroke in strokes),
    )


def _parts(rough: Bool) -> Iterator[Bool]:
    """Return connected parts, the largest first; those after the first MOST are combined into one."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(rough.view(np.uint8), connectivity=8)
    order = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")
    for label in order[:MOST].tolist():
        yield labels == label
    if len(order) > MOST:
        yield np.isin(labels, order[MOST:])


def _kind(part: Bool) -> tuple[Kind, Bool]:
    """Return the kind of a stroke, and the stroke with its inside."""
    half_width = float(_depth(part).max())
    for gap in (0.0, GAP):
        line = _closed(part, gap)
        whole = with_inside(line)
        if _is_lasso(part, line, whole, half_width):
            return Kind.LASSO, whole
    whole = with_inside(part)
    area = np.count_nonzero(part)
    if area > SOLID * np.count_nonzero(whole):
        half_width = float(_depth(whole).max())
    return (Kind.SCRIBBLE, part) if area > LONG * np.pi * half_width**2 else (Kind.BLOB, whole)


def _is_lasso(part: Bool, line: Bool, whole: Bool, half_width: float) -> bool:
    """Whether a line encloses most of what it spans, and has no long ends.

    part: as drawn. line: with its gaps closed. whole: with its inside.
    """
    if _largest(whole & ~line) < ENCLOSED * _hull_area(part):
        return False
    body = _morphed(whole, cv2.MORPH_OPEN, round(2 * half_width) + 1)
    ends = part & ~_morphed(body, cv2.MORPH_DILATE, 1)
    return bool(np.count_nonzero(ends) <= ENDS * np.count_nonzero(part))


def _read(stroke: Stroke) -> tuple[Bool, Bool, F32]:
    """Return the evidence of one stroke: sure, possible and prior of Meaning."""
    inside, outside = _depth(stroke.filled), _depth(~stroke.filled)
    half_width = float(inside.max())
    if stroke.kind is Kind.LASSO:
        prior = np.clip(inside / half_width, 0, 0.6) - 0.2
        return np.zeros_like(stroke.filled), stroke.filled, prior.astype(np.float32)
    if stroke.kind is Kind.BLOB:
        signed = (inside - outside) / half_width
        prior = np.clip(6 * signed, -4, 4)
        return inside > _UNSURE * half_width, outside <= _BEYOND * half_width, prior.astype(np.float32)
    prior = np.clip(1.0 - 5 * outside / stroke.length, -3, 1)
    return inside > 0.5 * half_width, outside <= _FAR * stroke.length, prior.astype(np.float32)


def _closed(part: Bool, share: float) -> Bool:
    """Close gaps of the stroke up to that share of its longer side."""
    return _morphed(part, cv2.MORPH_CLOSE, round(share * _length(part) / 2))


def _morphed(mask: Bool, operation: int, radius: int) -> Bool:
    if not radius:
        return mask
    framed = np.pad(mask, radius + 1).view(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    return cv2.morphologyEx(framed, operation, disc)[radius + 1 : -radius - 1, radius + 1 : -radius - 1] > 0


def with_inside(part: Bool) -> Bool:
    """Return the part with its holes filled."""
    contours, _ = cv2.findContours(part.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    canvas: U8 = np.zeros(part.shape, np.uint8)
    cv2.drawContours(canvas, contours, -1, 1, cv2.FILLED)
    return canvas > 0


def _largest(inside: Bool) -> int:
    """Return the pixels of the largest connected part."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(inside.view(np.uint8), connectivity=4)
    return int(stats[1:, cv2.CC_STAT_AREA].max(initial=0))


def _hull_area(part: Bool) -> float:
    points = np.argwhere(part)[:, ::-1].astype(np.int32)
    return float(cv2.contourArea(cv2.convexHull(points)))


def _length(part: Bool) -> float:
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    return float(max(np.ptp(rows), np.ptp(columns)) + 1)


def _depth(mask: Bool) -> F32:
    """Return the distance of each pixel of the mask to the nearest pixel outside it, also to the picture's outside."""
    framed = np.pad(mask, 1).view(np.uint8)
    return cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1].astype(np.float32)
