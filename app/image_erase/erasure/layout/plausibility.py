"""The plausibility of a sketch, from the sketch and its surroundings alone.

A network that does not understand a picture answers with a sketch that does not continue it at the rim, or is much
rougher or much smoother than the surroundings: then patches alone do better. In rough surroundings they do nearly as
well. The measure is the mean difference of neighbouring pixels relative to that of the known pixels nearby.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, U8, Bool

NEAR = 12
"""Distance from the hole, in pixels of a square, up to which known pixels are used."""

NOISE = 2.0
"""Lower bound, in grey levels, of the differences that others are compared with."""

STRANGE = (1.5, 2.5)
"""Differences across the rim, and inside the hole, up to which a sketch has full weight and from which it has none,
relative to those of the surroundings. Sketches of the trained network are at 1.0 and 0.8 for 95 % of holes, noise is
above 3.5 for 95 %."""

EMPTY = (0.3, 0.5)
"""Detail inside the hole, relative to that of the surroundings, from which a sketch has some weight, and full weight.
Smooth fills such as Telea's are below 0.41 for 95 % of holes and below 0.2 in the median; the trained network is
above 0.45 and at 0.75 to 1.05."""

ROUGH = (9.0, 22.0)
"""Differences of the surroundings, in grey levels, up to which a sketch has full weight, and from which it would have
none. In the roughest quarter of holes, from 16 on, a layout gained nothing on average: texture hides errors."""

LEAST_WEIGHT = 0.2
"""Weight of a sketch in the roughest surroundings."""


@dataclass(frozen=True)
class Differences:
    """Mean differences of neighbouring pixels in grey levels: both known, across the rim, and both in the hole.

    detail: the mean Laplacian in the hole divided by that around it; None if the hole is too thin to have one.
    """

    around: float
    across: float
    inside: float
    detail: float | None


def believed(square: U8, hole: Bool, colours: U8) -> float:
    """Return the weight, 0 to 1, of a sketch `colours` of the hole in a square, both SxSx3."""
    found = differences(square, hole, colours)
    usual = found.around + NOISE
    strange = max(found.across, found.inside) / usual
    unlike = (STRANGE[1] - strange) / (STRANGE[1] - STRANGE[0])
    says = 1.0 if found.detail is None else (found.detail - EMPTY[0]) / (EMPTY[1] - EMPTY[0])
    calm = (ROUGH[1] - usual) / (ROUGH[1] - ROUGH[0])
    return float(np.clip(unlike, 0, 1) * np.clip(says, 0, 1) * np.clip(calm, LEAST_WEIGHT, 1))


def differences(square: U8, hole: Bool, colours: U8) -> Differences:
    """Measure a sketch `colours` of the hole in a square, both SxSx3."""
    shown = np.where(hole[:, :, None], colours, square).astype(np.float32)
    near = cv2.dilate(hole.view(np.uint8), np.ones((2 * NEAR + 1,) * 2, np.uint8)).astype(np.bool_)
    pairs = [_pairs(shown, hole, near), _pairs(shown.swapaxes(0, 1), hole.T, near.T)]
    step, holes, close = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    around, across, inside = (step[(holes == 0) & close], step[holes == 1], step[holes == 2])
    return Differences(_mean(around), _mean(across), _mean(inside), _detail(shown, hole, near))


def _detail(shown: F32, hole: Bool, near: Bool) -> float | None:
    """The mean Laplacian of `shown` in the hole, divided by that of known pixels `near` it."""
    size = np.abs(cv2.Laplacian(shown, cv2.CV_32F)).mean(axis=2)
    inner, outer = _core(hole), _core(~hole) & near
    return _mean(size[inner]) / (_mean(size[outer]) + NOISE) if inner.any() else None


def _core(place: Bool) -> Bool:
    """The pixels of a region whose neighbours belong to it too."""
    return cv2.erode(place.view(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_)


def _pairs(shown: F32, hole: Bool, near: Bool) -> tuple[F32, U8, Bool]:
    """For all vertical neighbours: their mean difference, how many of the two are hole, whether they are near it."""
    step = np.abs(shown[1:] - shown[:-1]).mean(axis=2)
    return step.ravel(), (hole[1:].view(np.uint8) + hole[:-1].view(np.uint8)).ravel(), near[1:].ravel()


def _mean(values: F32) -> float:
    return float(values.mean()) if len(values) else 0.0
