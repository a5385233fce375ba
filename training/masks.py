"""Holes for training crops: like those that the engine asks about, and others.

The engine crops twice the length of the hole's box, so most holes here are half as long as the crop and in its
middle, or to one side as at the picture's border.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from . import SIDE

CANVAS = 256
USUAL = 0.7
"""Share of holes of the usual length."""
USUAL_LENGTHS = (50, 82)
ANY_LENGTHS = (24, 116)
LEAST, MOST = 0.015, 0.5
"""Of the crop's area."""
OFF_CENTRE = 0.25
"""Share of usual holes that are not in the middle."""
COMPANY = 0.15
"""Share of crops with a second hole."""
CHUNK = 500

Mask = NDArray[np.uint8]


def generate(count: int, seed: int) -> NDArray[np.uint8]:
    """`count` random holes as count x (SIDE*SIDE/8) packed bits; the same for the same seed."""
    chunks = [(seed, number, min(CHUNK, count - first)) for number, first in enumerate(range(0, count, CHUNK))]
    if len(chunks) == 1:
        return _chunk(chunks[0])
    with ProcessPoolExecutor() as pool:
        return np.concatenate(list(pool.map(_chunk, chunks)))


def _chunk(job: tuple[int, int, int]) -> NDArray[np.uint8]:
    seed, number, count = job
    rng = np.random.default_rng([seed, number])
    return np.stack([np.packbits(draw(rng)) for _ in range(count)])


def draw(rng: np.random.Generator) -> Mask:
    """One hole: SIDExSIDE uint8, 1 in the hole, between LEAST and MOST of the area."""
    while True:
        mask = _placed(rng)
        if rng.random() < COMPANY:
            mask |= _placed(rng, small=True)
        if LEAST <= mask.mean() <= MOST:
            return mask


def _placed(rng: np.random.Generator, small: bool = False) -> Mask:
    """A shape at its place in the crop, a part of it perhaps outside."""
    usual = not small and rng.random() < USUAL
    length = rng.uniform(*(USUAL_LENGTHS if usual else ANY_LENGTHS)) * (0.3 if small else 1)
    shape = _scaled(_shape(rng), length)
    centred = usual and rng.random() >= OFF_CENTRE
    centre = SIDE / 2 + (rng.uniform(-3, 3, 2) if centred else rng.uniform(-0.4, 0.4, 2) * SIDE)
    top, left = (centre - np.array(shape.shape) / 2).astype(int) + SIDE
    room = np.zeros((3 * SIDE, 3 * SIDE), np.uint8)
    room[top : top + shape.shape[0], left : left + shape.shape[1]] = shape
    return room[SIDE : 2 * SIDE, SIDE : 2 * SIDE]


def _scaled(shape: Mask, length: float) -> Mask:
    """The shape's box resized so that its longer side is `length` px."""
    scale = length / max(shape.shape)
    height, width = (max(2, round(n * scale)) for n in shape.shape)
    return (cv2.resize(shape * 255, (width, height), interpolation=cv2.INTER_AREA) > 127).astype(np.uint8)


def _shape(rng: np.random.Generator) -> Mask:
    """A random shape, cut to its box."""
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    while not canvas.any():
        SHAPES[int(rng.choice(len(SHAPES), p=SHARES))](canvas, rng)
    rows, columns = np.flatnonzero(canvas.any(1)), np.flatnonzero(canvas.any(0))
    return canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _blob(canvas: Mask, rng: np.random.Generator) -> None:
    """A wavy outline, wider or higher than round."""
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radius = np.full(60, 0.25 * CANVAS)
    for order in range(2, 6):
        radius *= 1 + rng.uniform(0, 0.5 / order) * np.sin(order * angle + rng.uniform(0, 2 * np.pi))
    stretch = np.exp(rng.uniform(-0.4, 0.4))
    _outline(canvas, radius * np.cos(angle) * stretch, radius * np.sin(angle) / stretch)


def _outline(canvas: Mask, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    points = np.stack([x, y], 1) + CANVAS / 2
    cv2.fillPoly(canvas, [np.rint(points).astype(np.int32)], 1)


def _strokes(canvas: Mask, rng: np.random.Generator) -> None:
    """Bent strokes of a brush, like poles and limbs."""
    for _ in range(int(rng.integers(1, 4))):
        point, angle, thickness = (
            rng.uniform(0.2, 0.8, 2) * CANVAS,
            rng.uniform(0, 2 * np.pi),
            int(rng.integers(14, 56)),
        )
        for _ in range(int(rng.integers(2, 7))):
            angle += rng.uniform(-0.9, 0.9)
            onward = point + rng.uniform(12, 60) * np.array([np.cos(angle), np.sin(angle)])
            cv2.line(canvas, point.astype(int).tolist(), onward.astype(int).tolist(), 1, thickness)
            point = onward


def _box(canvas: Mask, rng: np.random.Generator) -> None:
    """A rectangle, perhaps turned."""
    size = rng.uniform(0.15, 0.6, 2) * CANVAS
    turn = rng.uniform(-45, 45) if rng.random() < 0.4 else 0.0
    corners = cv2.boxPoints(((CANVAS / 2, CANVAS / 2), tuple(size.tolist()), turn))
    cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], 1)


def _figure(canvas: Mask, rng: np.random.Generator) -> None:
    """A trunk, a head and up to four limbs."""
    height = 0.4 * CANVAS
    width = height * rng.uniform(0.25, 0.55)
    middle = CANVAS / 2
    trunk = (int(width / 2), int(height / 2))
    cv2.ellipse(canvas, (int(middle), int(middle)), trunk, rng.uniform(-15, 15), 0, 360, 1, -1)
    head = (int(middle + rng.uniform(-0.15, 0.15) * width), int(middle - 0.6 * height))
    cv2.circle(canvas, head, int(height * rng.uniform(0.15, 0.22)), 1, -1)
    for _ in range(int(rng.integers(0, 5))):
        start = middle + rng.uniform([-0.3, -0.4], [0.3, 0.4]) * [width, height]
        stop = start + rng.uniform([-0.9, 0.0], [0.9, 0.8]) * [width, height]
        cv2.line(canvas, start.astype(int).tolist(), stop.astype(int).tolist(), 1, int(width * 0.25) + 4)


def _cloud(canvas: Mask, rng: np.random.Generator) -> None:
    """The largest part of smooth noise above a height."""
    noise = cv2.GaussianBlur(rng.standard_normal(canvas.shape).astype(np.float32), (0, 0), rng.uniform(14, 40))
    above = (noise > np.quantile(noise, rng.uniform(0.6, 0.85))).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(above)
    canvas[labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())] = 1


SHAPES: tuple[Callable[[Mask, np.random.Generator], None], ...] = (_blob, _strokes, _box, _figure, _cloud)
SHARES = (0.36, 0.22, 0.08, 0.22, 0.12)
