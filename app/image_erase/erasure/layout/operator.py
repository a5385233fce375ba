"""The operator's network as a source of layouts: its fill is used as the layout."""

from __future__ import annotations

import numpy as np

from image_erase.erasure.arrays import U8, Bool
from image_erase.erasure.layout.sketch import Sketch
from image_erase.erasure.neural import NeuralEngine


class OperatorSketcher:
    """Predicts layouts by a network that fills holes, such as LaMa."""

    least = 1

    def __init__(self, network: NeuralEngine) -> None:
        """network: a loaded network; its side is that of the largest square."""
        self._network = network
        self.side = network.side

    def sketch(self, square: U8, hole: Bool) -> Sketch:
        """Predict the layout of a square (SxSx3 BGR); its pixels in the hole (SxS) are ignored."""
        return Sketch(self._network.fill(square, hole), np.full(hole.shape, 255, np.uint8))
