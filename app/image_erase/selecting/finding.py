"""Find the object in a small copy of the picture, by its colours and the positions of the strokes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from image_erase.selecting.arrays import U8, Bool
from image_erase.selecting.colours import Colours
from image_erase.selecting.cut import Cutter
from image_erase.selecting.strokes import Kind, Meaning, with_inside

ROUNDS = 3
"""Rounds in which the colours are measured again inside and outside the object found so far."""

RESERVE = 0.5
"""No further round is started with less time left than this, in seconds."""

_HOLE = 0.3
"""A hole in the object belongs to it if its share of the object's area is at most this."""

_UNLIKELY = 0.0
"""Log odds below which a pixel counts as surroundings before the first round."""


def find(picture: U8, meaning: Meaning, time_left: Callable[[], float]) -> Bool:
    """Return the object in a picture (HxWx3 BGR): HxW, empty if there is no sign of one."""
    colours, cutter = Colours(picture), Cutter(picture)
    inside, outside = _first_guess(meaning)
    found = meaning.drawn
    for _ in range(ROUNDS):
        if time_left() < RESERVE or not (inside.any() and outside.any()):
            break
        odds = colours.log_odds(inside, outside) + meaning.prior
        found = _joined(cutter.cut(odds, meaning.possible, meaning.sure), meaning)
        inside, outside = found, ~found
    return found


def _first_guess(meaning: Meaning) -> tuple[Bool, Bool]:
    """Return the first guess of the object's pixels and of its surroundings."""
    if Kind.SCRIBBLE in meaning.kinds:
        return meaning.drawn, ~meaning.drawn & (meaning.prior < _UNLIKELY)
    return meaning.drawn, ~meaning.drawn


def _joined(found: Bool, meaning: Meaning) -> Bool:
    """Return the connected parts that touch a stroke, with their small holes filled."""
    _, labels = cv2.connectedComponents(found.view(np.uint8), connectivity=4)
    touched = np.zeros(int(labels.max()) + 1, np.bool_)
    touched[labels[meaning.drawn & found]] = True
    return _without_small_holes(touched[labels])


def _without_small_holes(found: Bool) -> Bool:
    """Fill small holes. Large ones stay: an object along the picture's border may enclose everything else."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((with_inside(found) & ~found).view(np.uint8), connectivity=4)
    is_small = stats[:, cv2.CC_STAT_AREA] <= _HOLE * np.count_nonzero(found)
    is_small[0] = False
    whole: Bool = found | is_small[labels]
    return whole
