"""The layout network: a graph with the inputs `image` and `mask`, the output `layout` and optionally `confidence`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from image_erase.erasure.arrays import U8, Bool
from image_erase.erasure.failures import ModelError
from image_erase.erasure.layout.sketch import Sketch
from image_erase.erasure.neural.runtime import Graph

Array = NDArray[Any]

WEIGHTS = Path(__file__).with_name("layout.onnx")
"""The network that comes with the package."""

INPUTS = {"image": 3, "mask": 1}
BLUR, SHARPENING = 2.0, 0.8
"""Unsharp masking of the layout: standard deviation of the blur in pixels, and amount."""

ERROR_AT_HALF = 0.05
"""Confidence c means an expected error of ERROR_AT_HALF * (1 - c) / c in the local mean colour (0..1)."""

DOUBTFUL = 0.14
"""Expected error (0..1) at which a layout has half of its weight. Smaller values reduced the gain."""

LAYOUT, CONFIDENCE = "layout", "confidence"


class LayoutNetwork:
    """A network with the interface of the packaged one.

    Inputs: `image`, 1x3xSxS float32 RGB in 0..1, and `mask`, 1x1xSxS float32, 1 in the hole. Outputs: `layout`, as
    `image`, and optionally `confidence`, as `mask`, 0..1 (see ERROR_AT_HALF).
    """

    def __init__(self, model: Path = WEIGHTS) -> None:
        """Load the network, and run it once unless it is the packaged one, whose answer is known to fit.

        Raises ModelError with a one-line reason if the file cannot be used.
        """
        self._graph = Graph(model, unpacked=True)
        self.side = self.least = _side(model, self._graph)
        names = [tensor.name for tensor in self._graph.outputs]
        self._outputs = (LAYOUT, CONFIDENCE) if CONFIDENCE in names else (LAYOUT,)
        if model != WEIGHTS:
            self._try(model)

    def sketch(self, square: U8, hole: Bool) -> Sketch:
        """Predict the layout of a square (SxSx3 BGR); its pixels in the hole (SxS) are ignored."""
        planes, *sure = self._graph.run(self._outputs, _inputs(square, hole))
        colours = np.moveaxis(planes[0], 0, 2)[:, :, ::-1] * np.float32(255)
        whole = np.where(hole[:, :, None], colours, square.astype(np.float32))
        confidence = sure[0][0, 0] if sure else np.ones(hole.shape, np.float32)
        return Sketch(_bytes(_sharpened(whole)), _bytes(_weight(confidence) * np.float32(255)))

    def _try(self, model: Path) -> None:
        grey, hole = np.full((self.side, self.side, 3), 128, np.uint8), np.zeros((self.side, self.side), np.bool_)
        hole[self.side // 4 : self.side // 2, self.side // 4 : self.side // 2] = True
        self._check(model, self._graph.run(self._outputs, _inputs(grey, hole)))

    def _check(self, model: Path, answers: list[Array]) -> None:
        for name, answer in zip(self._outputs, answers, strict=True):
            wanted = (1, 1 if name == CONFIDENCE else 3, self.side, self.side)
            if answer.shape != wanted or not np.isfinite(answer).all():
                raise ModelError(f"{model} answers with {name} of shape {answer.shape}; numbers {wanted} are expected")


def _side(model: Path, graph: Graph) -> int:
    """The side of the squares that a graph takes. Raises ModelError if it is not a layout network."""
    shapes = {tensor.name: tensor.shape for tensor in graph.inputs}
    sides = {side for shape in shapes.values() for side in shape[2:]}
    fits = sides - {None} == sides and len(sides) == 1
    if not fits or {name: shape[1:2] for name, shape in shapes.items()} != {n: (c,) for n, c in INPUTS.items()}:
        taken = "; ".join(map(str, graph.inputs)) or "nothing"
        raise ModelError(f"{model} takes {taken}; a layout network takes image 1x3xSxS and mask 1x1xSxS")
    if LAYOUT not in (tensor.name for tensor in graph.outputs):
        raise ModelError(f"{model} has no output named {LAYOUT}")
    return int(sides.pop() or 0)


def _inputs(square: U8, hole: Bool) -> dict[str, Array]:
    planes = np.moveaxis(square[:, :, ::-1], 2, 0)[None] * np.float32(1 / 255)
    return {"image": np.ascontiguousarray(planes, np.float32), "mask": hole[None, None].astype(np.float32)}


def _sharpened(picture: Array) -> Array:
    """Unsharp masking: the network averages over the likely positions of an edge, which blurs it."""
    blurred = cv2.GaussianBlur(picture, (0, 0), BLUR)
    return np.asarray(picture + np.float32(SHARPENING) * (picture - blurred))


def _weight(confidence: Array) -> Array:
    """The weight of a layout of that confidence (0..1): one half at an expected error of DOUBTFUL."""
    error = ERROR_AT_HALF * (1 - confidence) / np.maximum(confidence, 1e-3)
    return np.asarray(1 / (1 + (error / DOUBTFUL) ** 2))


def _bytes(values: Array) -> U8:
    return np.ascontiguousarray(np.clip(np.rint(values), 0, 255), np.uint8)
