"""Cases: a photograph, a hole in it, and the truth."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import edges, holes, things

Picture = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

KINDS = (*holes.KINDS, "edge", "thing")
"""Kinds of holes in the order of the tables: see bench.holes, bench.edges and bench.things."""

SEEDED = ("large", "medium", "object", "text", "thin", "edge", "thing")
"""A kind's place here is a part of its seed: add at the end only, so that the same seed gives the same holes."""

GRAIN = 3.0
"""Standard deviation of the noise that stands for what a camera of the wanted size would have seen."""


@dataclass(frozen=True)
class Case:
    """photo: HxWx3 BGR, what is to be erased from. hole: HxW. truth: HxWx3, what the best fill would show."""

    photo: Picture
    hole: BoolArray
    truth: Picture


def case(path: pathlib.Path, kind: str, seed: int, size: tuple[int, int] | None = None) -> Case | None:
    """The same case for the same photograph, kind and seed; None where the photograph has none of that kind.

    size: (W, H) to which the photograph is scaled up, None for its own; objects are found at its own size only.
    """
    photo = photograph(path, size)
    rng = np.random.default_rng([seed, SEEDED.index(kind), *path.stem.encode()])
    if kind == "thing":
        found = things.beside(path) if size is None else things.Beside((), None)
        hole, truth = things.hole_around(found, rng), photo if found.clean is None else found.clean
    elif kind == "edge":
        hole, truth = edges.hole_across(photo, rng), photo
    else:
        hole, truth = holes.make(kind, (photo.shape[0], photo.shape[1]), rng), photo
    return None if hole is None else Case(photo, hole, truth)


def photograph(path: pathlib.Path, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """The photo, or, when a larger size (W, H) is asked for, the photo scaled up to cover it, with fine grain."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"{path} cannot be read as a picture")
    if size is None:
        return image.astype(np.uint8, copy=False)
    if (image.shape[1] > image.shape[0]) != (size[0] > size[1]):
        image = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)
    scale = max(size[0] / image.shape[1], size[1] / image.shape[0])
    if scale > 1:
        grown = cv2.resize(image, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_LANCZOS4)
        noise = np.random.default_rng(0).normal(0, GRAIN, grown.shape[:2]).astype(np.float32)
        image = np.clip(grown + noise[:, :, None], 0, 255).astype(np.uint8)
    return np.ascontiguousarray(image[: size[1], : size[0]], np.uint8)


def parse_size(text: str) -> tuple[int, int] | None:
    """WIDTHxHEIGHT, or "own" for None."""
    if text == "own":
        return None
    width, height = text.split("x")
    return int(width), int(height)
