"""How far a sketch can be believed, from the sketch and its surroundings alone.

A network that knows nothing of a picture answers with something that does not meet it at the rim, that is rougher
than all around, or that is much smoother: then patches alone do better. Measured are mean differences of neighbouring
pixels in relation to those of the known pixels nearby.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, U8, Bool

NEAR = 12
"""Pixels of a square from the hole to the farthest known ones that count."""

NOISE = 2.0
"""Grey levels that no difference is held against."""

STRANGE = (1.5, 2.5)
"""Differences across the rim, and inside the hole, up to which a sketch is believed and from which it is not, in
differences of the surroundings. Sketches of the trained network are at 1.0 and 0.8 in 95 of 100 holes, noise is above
3.5 in as many."""

EMPTY = (0.1, 0.35)
"""Differences inside the hole from which on a sketch says something at all, and as much as it can. The smooth fill of a
hole is below 0.41 in 95 of 100 holes and at 0.16 in the median, the trained network above 0.32 and at 0.55."""


@dataclass(frozen=True)
class Differences:
    """Mean differences, in grey levels, of neighbours: both known, on either side of the rim, and both in the hole."""

    around: float
    across: float
    inside: float


def believed(square: U8, hole: Bool, colours: U8) -> float:
    """Return 0 (not at all) to 1 for a sketch `colours` of the hole in a square, both SxSx3."""
    found = differences(square, hole, colours)
    usual = found.around + NOISE
    strange = max(found.across, found.inside) / usual
    unlike = (STRANGE[1] - strange) / (STRANGE[1] - STRANGE[0])
    says = (found.inside / usual - EMPTY[0]) / (EMPTY[1] - EMPTY[0])
    return float(np.clip(unlike, 0, 1) * np.clip(says, 0, 1))


def differences(square: U8, hole: Bool, colours: U8) -> Differences:
    """Measure a sketch `colours` of the hole in a square, both SxSx3."""
    shown = np.where(hole[:, :, None], colours, square).astype(np.float32)
    near = cv2.dilate(hole.view(np.uint8), np.ones((2 * NEAR + 1,) * 2, np.uint8)).astype(np.bool_)
    pairs = [_pairs(shown, hole, near), _pairs(shown.swapaxes(0, 1), hole.T, near.T)]
    step, holes, close = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return Differences(_mean(step[(holes == 0) & close]), _mean(step[holes == 1]), _mean(step[holes == 2]))


def _pairs(shown: F32, hole: Bool, near: Bool) -> tuple[F32, U8, Bool]:
    """For all vertical neighbours: their mean difference, how many of the two are hole, whether they are near it."""
    step = np.abs(shown[1:] - shown[:-1]).mean(axis=2)
    return step.ravel(), (hole[1:].view(np.uint8) + hole[:-1].view(np.uint8)).ravel(), near[1:].ravel()


def _mean(values: F32) -> float:
    return float(values.mean()) if len(values) else 0.0
