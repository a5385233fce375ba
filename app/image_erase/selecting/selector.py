"""Find the mask of the object that a rough mask marks in a picture."""

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
"""The longer side, in pixels, of the small copy in which the object is searched for."""

AROUND = 0.15
"""Context around the area in which the object can be, as a share of the strokes' longer side."""

LEAST_AROUND = 8
"""Least context in pixels."""

SNAP_SECONDS = 0.25
"""With less time left than this, in seconds, the rim is not aligned to the picture's edges."""

_LEAST_OF_LASSO = 0.02
_LEAST_AGREEMENT = 0.3
_MOST_OF_POSSIBLE = 0.97

Window = tuple[slice, slice]


class NothingMarked(Exception):
    """The rough mask marks nothing."""


@dataclass(frozen=True)
class Selection:
    """mask: HxW, the object. kinds: how the strokes were read. found: False if the mask is the rough mask itself."""

    mask: Bool
    kinds: tuple[Kind, ...]
    found: bool


@dataclass(frozen=True)
class Task:
    """window: rows and columns in which the object can be. picture, meaning: small copies of both."""

    window: Window
    picture: U8
    meaning: Meaning


def select(picture: U8, rough: Bool, time_left: Callable[[], float]) -> Selection:
    """Return the object that a rough mask marks.

    picture: HxWx3 BGR. rough: HxW, lines inside the object, a line around it, or roughly the object itself. time_left:
    returns the seconds until the deadline; with little time the result is less exact. If no object can be
    distinguished from its surroundings, the result is the rough mask with lassos filled. It is never empty, and it is
    the whole picture only if the rough mask is. The same arguments give the same result if there is enough time.
    Raises NothingMarked.
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
    """Prepare the search in a small copy. picture: HxWx3 BGR. rough: HxW, not empty."""
    window = _window(rough)
    size = _small_size(rough[window].shape)
    small = cv2.resize(picture[window], size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return Task(window, small, meaning_of(strokes_of(_shrunk(rough[window], size))))


def _window(rough: Bool) -> Window:
    """Return the part of the picture in which the object can be, with context."""
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
    """Return width and height of the small copy."""
    scale = min(1.0, SIDE / max(shape))
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def _shrunk(mask: Bool, size: tuple[int, int]) -> Bool:
    """Reduce the mask; a pixel is marked if any part of it is, so that no thin line is lost."""
    return cv2.resize(mask.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 0


def _is_plausible(small: Bool, meaning: Meaning) -> bool:
    """Whether the object found is plausible for the strokes."""
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
    """Return the rough mask with lassos filled."""
    enclosed = cv2.resize(meaning.drawn.view(np.uint8), marked.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return marked | (enclosed > 0) if Kind.LASSO in meaning.kinds else marked
