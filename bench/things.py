"""Holes as people paint them around an object: its outline, grown, from a mask that lies beside the photograph.

The masks of `street.jpg` are `street.mask.png`, `street.mask-2.png` and so on: white where the object is. What was
behind an object nobody knows, unless `street.clean.png` (or .jpg, ...) shows the same scene without it. So the hole is
put where the object is when there is such a picture, and otherwise where nothing is masked, so that the truth is known.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]

GROWN = 5
"""Pixels by which the hole is larger than the thing; nobody paints exactly."""

LEAST_AREA = 64
"""Pixels of the smallest thing."""

TRIES = 200
"""Random places at which the outline is tried."""


@dataclass(frozen=True)
class Beside:
    """What lies beside a photograph. masks: HxW, one for each object; clean: HxWx3, the scene without them, or None."""

    masks: tuple[BoolArray, ...]
    clean: NDArray[np.uint8] | None


def is_photograph(path: pathlib.Path) -> bool:
    """Whether a file is none of those that lie beside a photograph."""
    return not any(part.startswith("mask") or part == "clean" for part in path.stem.split(".")[1:])


def beside(photo: pathlib.Path) -> Beside:
    """What lies beside `photo`. Raises ValueError where a size differs from the photograph's."""
    masks = [_read(path, cv2.IMREAD_GRAYSCALE) for path in sorted(photo.parent.glob(f"{photo.stem}.mask*.png"))]
    cleans = [_read(path, cv2.IMREAD_COLOR) for path in sorted(photo.parent.glob(f"{photo.stem}.clean.*"))]
    found = Beside(tuple(mask > 127 for mask in masks), cleans[0] if cleans else None)
    shape = _read(photo, cv2.IMREAD_COLOR).shape[:2]
    if any(picture.shape[:2] != shape for picture in (*masks, *cleans)):
        raise ValueError(f"a picture beside {photo} has another size")
    return found


def hole_around(found: Beside, rng: np.random.Generator) -> BoolArray | None:
    """One object's outline grown by GROWN, in its place or in a random one (see the module); None where none fits."""
    masks = [mask for mask in found.masks if np.count_nonzero(mask) >= LEAST_AREA]
    if not masks:
        return None
    hole = grown(masks[int(rng.integers(len(masks)))], GROWN)
    if found.clean is not None:
        return None if hole.all() else hole
    return _moved(hole, grown(np.logical_or.reduce(found.masks), GROWN), rng)


def grown(mask: BoolArray, radius: int) -> BoolArray:
    """The mask with all pixels within `radius` of it."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    return cv2.dilate(mask.view(np.uint8), disc).astype(np.bool_)


def _moved(hole: BoolArray, taken: BoolArray, rng: np.random.Generator) -> BoolArray | None:
    """The same outline where nothing is taken; None where no random place was free."""
    ys, xs = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    outline = hole[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    height, width = outline.shape
    for _ in range(TRIES):
        top, left = (int(rng.integers(n - m + 1)) for n, m in zip(hole.shape, outline.shape, strict=True))
        window = slice(top, top + height), slice(left, left + width)
        if not (outline & taken[window]).any():
            moved = np.zeros_like(hole)
            moved[window] = outline
            return moved
    return None


def _read(path: pathlib.Path, flags: int) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), flags)
    if picture is None:
        raise ValueError(f"{path} cannot be read as a picture")
    return picture.astype(np.uint8, copy=False)
