"""A neural network as an engine: which part of the picture it gets, and which channels it fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from image_erase.erasure import diffusion, regions
from image_erase.erasure.arrays import U8, Bool, Pixels
from image_erase.erasure.engine import Painter, View
from image_erase.erasure.regions import Region

CONTEXT = 0.5
"""Context around a region, as a multiple of the region's side."""

LEAST_SIDE = 256

COLOURS = 3

_EVERYTHING = slice(0, None), slice(0, None)


class NeuralEngine(Protocol):
    """A network that fills holes."""

    def fill(self, guide: U8, hole: Bool) -> U8:
        """Fill `hole` (HxW) in `guide` (HxWx3 BGR); only the hole's pixels of the result are used."""
        ...


@dataclass(frozen=True)
class Inference:
    """The engine that fills the colours by a network, and further channels by diffusion."""

    network: NeuralEngine
    name: str = "onnx"

    def painter(self, view: View) -> Painter:
        """Run the network."""
        view.check()
        filled, hole = self.network.fill(view.guide, view.hole), view.hole

        def paint(pixels: Pixels) -> None:
            np.copyto(pixels[:, :, :COLOURS], filled, where=hole[:, :, None])
            if pixels.shape[2] > COLOURS:
                diffusion.fill_region(pixels[:, :, COLOURS:], Region(_EVERYTHING, hole))

        return paint


def square(part: Region, shape: tuple[int, int]) -> Region:
    """The part in the square of a picture of `shape` that is given to the network."""
    return regions.in_square(part, side_of(part), shape)


def side_of(part: Region) -> int:
    """The side in pixels of the square that is given to the network."""
    return max(LEAST_SIDE, int(part.side * (1 + 2 * CONTEXT)))
