"""The thing in a small copy of the picture: what its colours, and where the strokes are, make likely."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from image_erase.selecting.arrays import U8, Bool
from image_erase.selecting.colours import Colours
from image_erase.selecting.cut import Cutter
from image_erase.selecting.strokes import Kind, Meaning, with_inside

ROUNDS = 3
"""Times that the colours are looked at anew, in what was found and in what was not."""

RESERVE = 0.5
"""Seconds left at which no further round is begun."""

_HOLE = 0.3
"""A hole of at most this share of the area of what was found belongs to it."""

_UNLIKELY = 0.0
"""Log odds under which a pixel shows, before anything is found, what is around the thing."""


def find(picture: U8, meaning: Meaning, time_left: Callable[[], float]) -> Bool:
    """HxW: the thing that is meant in a picture (HxWx3 BGR); nothing where there is no sign of one."""
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
    """What shows the thing, and what is around it."""
    if Kind.SCRIBBLE in meaning.kinds:
        return meaning.drawn, ~meaning.drawn & (meaning.prior < _UNLIKELY)
    return meaning.drawn, ~meaning.drawn


def _joined(found: Bool, meaning: Meaning) -> Bool:
    """The connected parts of what was found that touch a stroke, with the small holes in them."""
    _, labels = cv2.connectedComponents(found.view(np.uint8), connectivity=4)
    touched = np.zeros(int(labels.max()) + 1, np.bool_)
    touched[labels[meaning.drawn & found]] = True
    return _without_small_holes(touched[labels])


def _without_small_holes(found: Bool) -> Bool:
    """A large hole is none: what was found may run along the picture's border and enclose all."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((with_inside(found) & ~found).view(np.uint8), connectivity=4)
    is_small = stats[:, cv2.CC_STAT_AREA] <= _HOLE * np.count_nonzero(found)
    is_small[0] = False
    whole: Bool = found | is_small[labels]
    return whole
