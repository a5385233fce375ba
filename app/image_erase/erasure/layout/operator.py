"""The operator's network as one that lays out: it is asked for a fill, and that is taken for what to expect."""

from __future__ import annotations

import numpy as np

from image_erase.erasure.arrays import U8, Bool
from image_erase.erasure.layout.sketch import Sketch
from image_erase.erasure.neural import NeuralEngine


class OperatorSketcher:
    """Sketches by a network that fills holes, such as LaMa."""

    least = 1

    def __init__(self, network: NeuralEngine) -> None:
        """network: loaded; its side is the largest square."""
        self._network = network
        self.side = network.side

    def sketch(self, square: U8, hole: Bool) -> Sketch:
        """Sketch a square (SxSx3 BGR); what it shows in the hole (SxS) is ignored."""
        return Sketch(self._network.fill(square, hole), np.full(hole.shape, 255, np.uint8))
