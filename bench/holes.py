"""Typical holes: captions, wires, poles, objects."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]

REFERENCE_WIDTH = 768
"""Stroke widths are given for a picture this wide and grow with it."""

CAPTIONS = ("Copyright 2026", "SAMPLE", "do not copy", "12/08/2026 14:05")


def make(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> BoolArray:
    """A hole of a kind (see KINDS) for a picture of `shape` (H, W): HxW bool, neither empty nor full."""
    canvas = np.zeros(shape, np.uint8)
    while not canvas.any() or canvas.all():
        canvas[:] = 0
        KINDS[kind](canvas, rng)
    return canvas.astype(np.bool_)


def _text(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Three to five captions, each in a font, size and place of its own."""
    height, width = canvas.shape
    lines = int(rng.integers(3, 6))
    for line in range(lines):
        size = width / REFERENCE_WIDTH * rng.uniform(1.2, 2.0)
        font = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)[int(rng.integers(3))]
        at = int(rng.uniform(0.02, 0.4) * width), int((line + rng.uniform(0.4, 0.9)) * height / lines)
        cv2.putText(canvas, CAPTIONS[int(rng.integers(len(CAPTIONS)))], at, font, size, 1, max(3, round(3 * size)))


def _curves(
    canvas: NDArray[np.uint8], rng: np.random.Generator, widths: tuple[int, int], reach: float, count: int
) -> None:
    """Bent lines: quadratic Bezier curves whose ends are about `reach` picture widths apart."""
    height, width = canvas.shape
    scale = width / REFERENCE_WIDTH
    t = np.linspace(0, 1, 64)[:, None]
    for _ in range(count):
        start = rng.uniform(0, [width, height])
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.2) * reach * width
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        bend = (start + end) / 2 + rng.normal(0, 0.15, 2) * length
        points = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
        thickness = max(1, round(scale * rng.uniform(*widths)))
        cv2.polylines(canvas, [np.rint(points).astype(np.int32)], False, 1, thickness)


def _thin(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    _curves(canvas, rng, widths=(3, 9), reach=0.5, count=5)


def _medium(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    _curves(canvas, rng, widths=(18, 42), reach=0.3, count=3)


def _blob(canvas: NDArray[np.uint8], rng: np.random.Generator, share: float) -> None:
    """An outline of a few low harmonics around a point, of `share` of the picture's area."""
    height, width = canvas.shape
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = np.ones_like(angle)
    for order, strength in ((2, 0.25), (3, 0.18), (5, 0.08)):
        radius += strength * rng.uniform(0.3, 1) * np.sin(order * angle + rng.uniform(0, 2 * np.pi))
    radius *= np.sqrt(share * height * width / (np.pi * np.mean(radius**2)))
    centre = rng.uniform([0.3 * width, 0.3 * height], [0.7 * width, 0.7 * height])
    outline = centre + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    cv2.fillPoly(canvas, [np.rint(outline).astype(np.int32)], 1)


def _object(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    _blob(canvas, rng, 0.035)


def _large(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    _blob(canvas, rng, 0.12)


KINDS: dict[str, Callable[[NDArray[np.uint8], np.random.Generator], None]] = {
    "text": _text,
    "thin": _thin,
    "medium": _medium,
    "object": _object,
    "large": _large,
}
