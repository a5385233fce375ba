"""Square pieces of photographs, whole and in part, from which training crops are taken."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from . import packs

SIDE = 256
"""Height and width of a tile in px."""

SCALES = (1.0, 0.7)
"""Besides the whole picture, tiles are cut from it at these scales, where it is large enough."""

LARGE_ENOUGH = 1.2
"""A picture must be this many times as long as a tile to be cut into more than itself."""

HELD_OUT = 16
"""Pictures at the start of each pack that are for measuring only."""

Tiles = NDArray[np.uint8]


@dataclass(frozen=True)
class Source:
    """A pack and the share of training crops that come from it."""

    pack: pathlib.Path
    share: float

    @classmethod
    def parse(cls, text: str) -> Source:
        """PACK or PACK:SHARE; without a share, 1. Shares are relative to each other."""
        path, _, share = text.partition(":")
        return cls(pathlib.Path(path), float(share or 1))


@dataclass(frozen=True)
class TileSet:
    """tiles: NxSIDExSIDEx3 RGB uint8. weight: N float32, how often each is taken, relative to the others."""

    tiles: Tiles
    weight: NDArray[np.float32]


def load(sources: Iterable[Source], held_out: int = HELD_OUT) -> tuple[TileSet, Tiles]:
    """The tiles to train on, and one whole-picture tile for each of the pictures held out.

    held_out: how many pictures of each pack are kept for measuring; at least one is.
    """
    training, weights, measuring = [], [], []
    for source in sources:
        pictures = packs.read(source.pack)
        kept = max(1, min(held_out, len(pictures) // 4))
        measuring += [tile[:1] for tile in _tiles(pictures[:kept])]
        tiles = list(_tiles(pictures[kept:]))
        training += tiles
        count = sum(map(len, tiles))
        weights.append(np.full(count, source.share / count, np.float32))
    return TileSet(np.concatenate(training), np.concatenate(weights)), np.concatenate(measuring)


def _tiles(pictures: Iterable[bytes]) -> Iterator[Tiles]:
    """All tiles of each picture."""
    with ThreadPoolExecutor() as pool:
        yield from pool.map(cut, packs.decode(pictures))


def cut(picture: Tiles) -> Tiles:
    """HxWx3 to its tiles: the whole first (several when it is long), then parts at larger scales."""
    short = min(picture.shape[:2])
    found = _grid(_scaled(picture, SIDE / short))
    for scale in SCALES:
        if short * scale >= LARGE_ENOUGH * SIDE:
            found += _grid(_scaled(picture, scale))
    return np.stack(found)


def _scaled(picture: Tiles, scale: float) -> Tiles:
    """The picture resized, no side shorter than a tile."""
    height, width = (max(SIDE, round(n * scale)) for n in picture.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)


def _grid(picture: Tiles) -> list[Tiles]:
    """Tiles that cover the picture evenly."""
    tops, lefts = (_starts(n) for n in picture.shape[:2])
    return [np.ascontiguousarray(picture[y : y + SIDE, x : x + SIDE]) for y in tops for x in lefts]


def _starts(length: int) -> list[int]:
    """Where tiles begin along a side: evenly, about three quarters of a tile apart."""
    count = 1 + round((length - SIDE) / (0.75 * SIDE)) if length > LARGE_ENOUGH * SIDE else 1
    if count == 1:
        return [(length - SIDE) // 2]
    return [round(i * (length - SIDE) / (count - 1)) for i in range(count)]
