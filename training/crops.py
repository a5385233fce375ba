"""Crops with holes such as those in use, as inputs of an exported network."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from . import SIDE, masks, packs, tiles

SEED = 9_000
"""Of the choice and of the holes; training uses others."""


def crops(sources: Sequence[pathlib.Path], count: int) -> list[dict[str, NDArray[Any]]]:
    """`count` crops from each pack, always the same: `image` 1x3xSxS RGB in 0..1, and `mask` 1x1xSxS, 1 in the hole."""
    rng = np.random.default_rng(SEED)
    found = []
    for pack in sources:
        pictures = packs.read(pack)
        chosen = [pictures[i] for i in rng.choice(len(pictures), min(count, len(pictures)), replace=False)]
        found += [rng.choice(tiles.cut(picture)) for picture in packs.decode(chosen)]
    holes = np.unpackbits(masks.generate(len(found), SEED), axis=1).reshape(-1, 1, 1, SIDE, SIDE).astype(np.float32)
    return [{"image": _image(tile), "mask": hole} for tile, hole in zip(found, holes, strict=True)]


def _image(tile: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A tile as 1x3xSxS."""
    small = np.asarray(cv2.resize(tile, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
    return np.ascontiguousarray(np.moveaxis(small / np.float32(255), 2, 0)[None])
