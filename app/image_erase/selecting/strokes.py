"""What a rough mask means: whether each of its strokes lies in the thing, goes around it or covers it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np

from image_erase.selecting.arrays import F32, U8, Bool

LONG = 5.0
"""A stroke with so many times the area of the largest disc in it is a line; a disc has 1, a square 1.3."""

GAP = 0.15
"""A lasso may be open by this share of its longer side."""

ENCLOSED = 0.4
"""A lasso encloses at least this share of its convex hull."""

SOLID = 0.9
"""A filled shape fills at least this share of its outline; the rest is what the brush left out."""

ENDS = 0.2
"""At most this share of a lasso sticks out where its ends cross."""

DAB = 2.0
"""A spot up to so many times as wide as the lines beside it is one of them."""

MOST = 24
"""Strokes that are looked at one by one; what is left over are dots inside the thing."""

_UNSURE = 0.55
"""Of a filled shape, the share of its half width from its rim inwards that may be no part of the thing."""

_BEYOND = 0.8
"""The thing reaches beyond a filled shape by at most this share of the half width."""

_FAR = 1.2
"""The thing reaches beyond a line in it by at most this share of the line's longer side."""


class Kind(StrEnum):
    """How a stroke was meant."""

    SCRIBBLE = "scribble"
    LASSO = "lasso"
    BLOB = "blob"


@dataclass(frozen=True)
class Meaning:
    """What the strokes say of each pixel, all HxW.

    sure: certainly of the thing. drawn: the rough mask, lassos filled; it is the answer where there is no better one.
    possible: where the thing can be at all. prior: how likely a pixel is of the thing, as the logarithm of the odds.
    kinds: of the strokes.
    """

    sure: Bool
    drawn: Bool
    possible: Bool
    prior: F32
    kinds: frozenset[Kind]


@dataclass(frozen=True)
class Stroke:
    """A part of the rough mask. filled: HxW, it, with its inside where it is a lasso. length: its longer side."""

    kind: Kind
    filled: Bool
    length: float

    @property
    def margin(self) -> float:
        """Pixels around the stroke in which the thing can lie, and as many again that show what is around it."""
        if self.kind is Kind.SCRIBBLE:
            return _FAR * self.length
        return _BEYOND * self.half_width if self.kind is Kind.BLOB else 0.0

    @property
    def half_width(self) -> float:
        """Pixels from the innermost one to the nearest outside."""
        return float(_depth(self.filled).max())


def strokes_of(rough: Bool) -> list[Stroke]:
    """The strokes of a rough mask (HxW). A dab beside lines of its width is a part of the scribble."""
    strokes = [Stroke(*_kind(part), _length(part)) for part in _parts(rough)]
    widest = max((stroke.half_width for stroke in strokes if stroke.kind is Kind.SCRIBBLE), default=0.0)
    return [
        replace(stroke, kind=Kind.SCRIBBLE)
        if stroke.kind is Kind.BLOB and stroke.half_width <= DAB * widest
        else stroke
        for stroke in strokes
    ]


def meaning_of(strokes: list[Stroke]) -> Meaning:
    """What all strokes together say; there is at least one."""
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
    """Connected parts, the largest first; all that are left over after MOST are one."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(rough.view(np.uint8), connectivity=8)
    order = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")
    for label in order[:MOST].tolist():
        yield labels == label
    if len(order) > MOST:
        yield np.isin(labels, order[MOST:])


def _kind(part: Bool) -> tuple[Kind, Bool]:
    """How a stroke was meant, and it with its inside."""
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

    part: as it was drawn. line: with its gaps closed. whole: with its inside.
    """
    if _largest(whole & ~line) < ENCLOSED * _hull_area(part):
        return False
    body = _morphed(whole, cv2.MORPH_OPEN, round(2 * half_width) + 1)
    ends = part & ~_morphed(body, cv2.MORPH_DILATE, 1)
    return bool(np.count_nonzero(ends) <= ENDS * np.count_nonzero(part))


def _read(stroke: Stroke) -> tuple[Bool, Bool, F32]:
    """What one stroke says: sure, possible and prior of Meaning."""
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
    """The stroke with gaps closed up to that share of its longer side."""
    return _morphed(part, cv2.MORPH_CLOSE, round(share * _length(part) / 2))


def _morphed(mask: Bool, operation: int, radius: int) -> Bool:
    if not radius:
        return mask
    framed = np.pad(mask, radius + 1).view(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    return cv2.morphologyEx(framed, operation, disc)[radius + 1 : -radius - 1, radius + 1 : -radius - 1] > 0


def with_inside(part: Bool) -> Bool:
    """The part with its holes."""
    contours, _ = cv2.findContours(part.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    canvas: U8 = np.zeros(part.shape, np.uint8)
    cv2.drawContours(canvas, contours, -1, 1, cv2.FILLED)
    return canvas > 0


def _largest(inside: Bool) -> int:
    """The pixels of the largest connected part."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(inside.view(np.uint8), connectivity=4)
    return int(stats[1:, cv2.CC_STAT_AREA].max(initial=0))


def _hull_area(part: Bool) -> float:
    points = np.argwhere(part)[:, ::-1].astype(np.int32)
    return float(cv2.contourArea(cv2.convexHull(points)))


def _length(part: Bool) -> float:
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    return float(max(np.ptp(rows), np.ptp(columns)) + 1)


def _depth(mask: Bool) -> F32:
    """How far each pixel of the mask is from the nearest one that is not; beyond the picture there is none of it."""
    framed = np.pad(mask, 1).view(np.uint8)
    return cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1].astype(np.float32)
