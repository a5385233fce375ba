"""Selecting: a picture and a rough mask in, the mask of the object out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.selecting.arrays import U8, Bool
from image_erase.selecting.finding import find
from image_erase.selecting.snapping import snapped
from image_erase.selecting.strokes import Kind, Meaning, meaning_of, strokes_of

SIDE = 320
"""The longer side of the small copy in which the thing is looked for, in pixels."""

AROUND = 0.15
"""How much of what is around is looked at beside where the thing can be, as a share of the strokes' longer side."""

LEAST_AROUND = 8
"""The same in pixels, at least."""

SNAP_SECONDS = 0.25
"""With less time left than that, the rim is not brought to the picture's edges."""

_LEAST_OF_LASSO = 0.02
_LEAST_AGREEMENT = 0.3
_MOST_OF_POSSIBLE = 0.97

Window = tuple[slice, slice]


class NothingMarked(Exception):
    """The rough mask marks nothing."""


@dataclass(frozen=True)
class Selection:
    """mask: HxW, the thing. kinds: how the strokes were read. found: False where the answer is the rough mask."""

    mask: Bool
    kinds: tuple[Kind, ...]
    found: bool


@dataclass(frozen=True)
class Task:
    """window: rows and columns in which the thing can be. picture, meaning: the small copy of it, and of the mask."""

    window: Window
    picture: U8
    meaning: Meaning


def select(picture: U8, rough: Bool, time_left: Callable[[], float]) -> Selection:
    """Return the thing that a rough mask means.

    picture: HxWx3 BGR. rough: HxW, lines in the thing, a line around it, or about the thing itself. time_left: seconds
    until the answer has to be there; with little time it is less exact. Where no thing can be told from what is around
    it, the answer is the rough mask, with what a line around the thing encloses. It is never empty, and it is the whole
    picture only where the rough mask is. The same arguments, with enough time, give the same answer. Raises
    NothingMarked.
    """
    if not rough.any():
        raise NothingMarked
    task = task_of(picture, rough)
    shown, marked = picture[task.window], rough[task.window]
    small = find(task.picture, task.meaning, time_left)
    is_found = _is_plausible(small, task.meaning)
    answer = np.zeros_like(rough)
    answer[task.window] = _enlarged(small, shown, time_left) if is_found else _as_drawn(marked, task.meaning)
    if answer.all() or not answer.any():
        answer, is_found = rough.copy(), False
    return Selection(answer, tuple(sorted(task.meaning.kinds)), is_found)


def task_of(picture: U8, rough: Bool) -> Task:
    """What is to be found in which small copy. picture: HxWx3 BGR. rough: HxW, not empty."""
    window = _window(rough)
    size = _small_size(rough[window].shape)
    small = cv2.resize(picture[window], size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return Task(window, small, meaning_of(strokes_of(_shrunk(rough[window], size))))


def _window(rough: Bool) -> Window:
    """Where in the picture the thing can be, and what is around it."""
    rows, columns = _span(np.any(rough, axis=1)), _span(np.any(rough, axis=0))
    marked = rough[rows, columns]
    size = _small_size(marked.shape)
    scale = max(marked.shape) / max(size)
    margin = max(stroke.margin for stroke in strokes_of(_shrunk(marked, size))) * scale
    margin = round(margin + max(LEAST_AROUND, AROUND * max(marked.shape)))
    top, left = max(0, rows.start - margin), max(0, columns.start - margin)
    return slice(top, rows.stop + margin), slice(left, columns.stop + margin)


def _span(used: Bool) -> slice:
    indices = np.flatnonzero(used)
    return slice(int(indices[0]), int(indices[-1]) + 1)


def _small_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height of the small copy."""
    scale = min(1.0, SIDE / max(shape))
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def _shrunk(mask: Bool, size: tuple[int, int]) -> Bool:
    """The mask where any of a pixel is marked, so that no thin line is lost."""
    return cv2.resize(mask.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 0


def _is_plausible(small: Bool, meaning: Meaning) -> bool:
    """Whether what was found may be what was meant."""
    area, drawn = np.count_nonzero(small), np.count_nonzero(meaning.drawn)
    if not area or small.all():
        return False
    if Kind.SCRIBBLE in meaning.kinds:
        return bool(area < _MOST_OF_POSSIBLE * np.count_nonzero(meaning.possible))
    if meaning.kinds == {Kind.LASSO}:
        return bool(area > _LEAST_OF_LASSO * drawn)
    return bool(np.count_nonzero(small & meaning.drawn) > _LEAST_AGREEMENT * np.count_nonzero(small | meaning.drawn))


def _enlarged(small: Bool, shown: U8, time_left: Callable[[], float]) -> Bool:
    if time_left() > SNAP_SECONDS:
        return snapped(shown, small)
    larger = cv2.resize(small.astype(np.float32), shown.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(larger > 0.5)


def _as_drawn(marked: Bool, meaning: Meaning) -> Bool:
    """The rough mask and what its lassos enclose."""
    enclosed = cv2.resize(meaning.drawn.view(np.uint8), marked.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return marked | (enclosed > 0) if Kind.LASSO in meaning.kinds else marked
