"""Pictures with a known object: a cut-out of one photograph on another, and rough masks as people draw them."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.cases import photograph

Picture = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]
Points = NDArray[np.float64]

LEAST_SHARE, MOST_SHARE = 0.01, 0.2
"""The object's share of the picture."""

SOFT = 0.7
"""Standard deviation of the blur of the object's rim in pixels of a picture 768 wide: what a lens leaves."""


@dataclass(frozen=True)
class Composition:
    """picture: HxWx3 BGR. object: HxW, the true mask of the object."""

    picture: Picture
    object: BoolArray


def compose(ground: pathlib.Path, other: pathlib.Path, seed: int, size: tuple[int, int] | None = None) -> Composition:
    """Put a cut-out of the photograph `other` somewhere on `ground`; size (W, H): scale both up to it first."""
    rng = np.random.default_rng([seed, *ground.stem.encode(), *other.stem.encode()])
    below, above = photograph(ground, size), photograph(other, size)
    shape = below.shape[0], below.shape[1]
    above = _crop(above, shape, rng)
    coverage = _coverage(shape, rng)
    mixed = below + coverage[..., np.newaxis] * (above.astype(np.float32) - below)
    return Composition(np.rint(mixed).astype(np.uint8), coverage >= 0.5)


def _crop(photo: Picture, shape: tuple[int, int], rng: np.random.Generator) -> Picture:
    """A random half of the photograph or more, turned and mirrored at random, of the given shape."""
    if (photo.shape[0] > photo.shape[1]) != (shape[0] > shape[1]):
        photo = np.ascontiguousarray(np.rot90(photo))
    part = rng.uniform(0.5, 1)
    height, width = (round(part * side) for side in photo.shape[:2])
    top, left = int(rng.integers(photo.shape[0] - height + 1)), int(rng.integers(photo.shape[1] - width + 1))
    crop = photo[top : top + height, left : left + width][:, :: int(rng.choice([1, -1]))]
    return cv2.resize(np.ascontiguousarray(crop), shape[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)


def _coverage(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """HxW, 0 to 1: a smooth outline, half of the time with one to three limbs."""
    height, width = shape
    canvas = np.zeros(shape, np.uint8)
    share = np.exp(rng.uniform(np.log(LEAST_SHARE), np.log(MOST_SHARE)))
    radius = np.sqrt(share * height * width / np.pi)
    centre = rng.uniform([0.2 * width, 0.2 * height], [0.8 * width, 0.8 * height])
    outline = centre + radius * _outline(rng)
    cv2.fillPoly(canvas, [_fixed(outline)], 255, cv2.LINE_8, 4)
    for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.5 else 0):
        angle, length = rng.uniform(0, 2 * np.pi), radius * rng.uniform(1.3, 2.0)
        tip = centre + length * np.array([np.cos(angle), np.sin(angle)])
        bend = (centre + tip) / 2 + rng.normal(0, 0.2, 2) * radius
        limb = _fixed(_bezier(centre, bend, tip))
        cv2.polylines(canvas, [limb], False, 255, max(2, round(radius * rng.uniform(0.25, 0.5))), cv2.LINE_8, 4)
    soft = cv2.GaussianBlur(canvas, (0, 0), SOFT * max(shape) / 768)
    return soft.astype(np.float32) / np.float32(255)


def _outline(rng: np.random.Generator) -> Points:
    """90 points around the origin, of a few low harmonics, stretched and turned; its radius is about 1."""
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = np.ones_like(angle)
    for order, strength in ((2, 0.2), (3, 0.18), (4, 0.1), (6, 0.06)):
        radius += strength * rng.uniform(0.2, 1) * np.sin(order * angle + rng.uniform(0, 2 * np.pi))
    stretch, turn = rng.uniform(1, 1.6), rng.uniform(0, np.pi)
    points = radius[:, None] * np.stack([np.cos(angle) * stretch, np.sin(angle) / stretch], 1)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    turned: Points = points @ rotation
    return turned


def _bezier(start: Points, bend: Points, end: Points) -> Points:
    t = np.linspace(0, 1, 64)[:, None]
    points: Points = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
    return points


def _fixed(points: Points) -> NDArray[np.int32]:
    """Points as OpenCV takes them with a shift of 4."""
    return np.rint(points * 16).astype(np.int32)


def rough(kind: str, thing: BoolArray, rng: np.random.Generator) -> BoolArray:
    """A rough mask (HxW) of a kind (see ROUGH) for the object (HxW, not empty)."""
    return ROUGH[kind](thing, rng)


def _scribble(thing: BoolArray, rng: np.random.Generator) -> BoolArray:
    """One or two bent strokes inside the object, a little away from its rim, from end to end of a part of it."""
    depth = cv2.distanceTransform(np.pad(thing, 1).view(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    inner = depth > 0.25 * depth.max()
    ys, xs = np.nonzero(inner)
    width = int(np.clip(0.25 * depth.max(), 2, 0.014 * max(thing.shape)))
    canvas = np.zeros(thing.shape, np.uint8)
    for _ in range(int(rng.integers(1, 3))):
        chosen = rng.integers(len(xs), size=24)
        points = np.stack([xs[chosen], ys[chosen]], 1).astype(np.float64)
        apart = np.linalg.norm(points[:, None] - points[None], axis=2)
        first, last = np.unravel_index(int(apart.argmax()), apart.shape)
        middle = points[int(rng.integers(len(points)))]
        bend = 2 * middle - (points[first] + points[last]) / 2
        curve = _fixed(_bezier(points[first], bend, points[last]))
        cv2.polylines(canvas, [curve], False, 1, max(1, width), cv2.LINE_8, 4)
    kept = canvas.astype(np.bool_) & (depth > width / 4)
    return kept if kept.any() else inner


def _lasso(thing: BoolArray, rng: np.random.Generator) -> BoolArray:
    """A wobbling line around the object, now and then not quite closed."""
    side = np.sqrt(np.count_nonzero(thing))
    distance = round(side * rng.uniform(0.06, 0.2)) + 2
    framed = np.pad(thing, 2 * distance).view(np.uint8)
    around = cv2.dilate(framed, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * distance + 1,) * 2))
    contours, _ = cv2.findContours(around, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    line = max(contours, key=len)[:, 0].astype(np.float64) - 2 * distance
    smooth = _smoothed(line, max(3, len(line) // 40)) + _wobble(len(line), 0.35 * distance, rng)
    gap = round(len(line) * rng.uniform(0, 0.03)) if rng.random() < 0.3 else 0
    start = int(rng.integers(len(line)))
    points = np.roll(smooth, start, axis=0)[: len(line) - gap]
    points = np.clip(points, 1, np.array(thing.shape[::-1]) - 2)
    canvas = np.zeros(thing.shape, np.uint8)
    width = max(1, round(max(thing.shape) * rng.uniform(0.003, 0.01)))
    cv2.polylines(canvas, [_fixed(points)], gap == 0, 1, width, cv2.LINE_8, 4)
    return canvas.astype(np.bool_)


def _smoothed(line: Points, window: int) -> Points:
    kernel = np.ones(window) / window
    closed = np.concatenate([line[-window:], line, line[:window]])
    return np.stack([np.convolve(closed[:, axis], kernel, "same")[window:-window] for axis in (0, 1)], 1)


def _wobble(length: int, strength: float, rng: np.random.Generator) -> Points:
    """Of a closed line: a displacement of each point, of low frequencies."""
    t = np.linspace(0, 2 * np.pi, length, endpoint=False)
    waves = [
        np.sin(order * t[:, None] + rng.uniform(0, 2 * np.pi, 2)) * rng.normal(0, strength / 2, 2)
        for order in range(2, 8)
    ]
    moved: Points = np.sum(waves, axis=0)
    return moved


def _blob(thing: BoolArray, rng: np.random.Generator) -> BoolArray:
    """The object, pushed about by a smooth random displacement: its rim is crossed both ways."""
    side = np.sqrt(np.count_nonzero(thing))
    height, width = thing.shape
    cells = max(2, round(height / (0.5 * side))), max(2, round(width / (0.5 * side)))
    push = [
        cv2.resize(rng.normal(0, 0.09 * side, cells).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(2)
    ]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    pushed = cv2.remap(thing.view(np.uint8), x + push[0], y + push[1], cv2.INTER_NEAREST)
    return pushed.astype(np.bool_) if pushed.any() else thing


ROUGH: dict[str, Callable[[BoolArray, np.random.Generator], BoolArray]] = {
    "scribble": _scribble,
    "lasso": _lasso,
    "blob": _blob,
}
