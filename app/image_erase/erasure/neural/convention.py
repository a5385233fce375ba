"""The input and output formats of a network, derived from its graph and from one trial run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from image_erase.erasure.failures import ModelError

from .runtime import Graph, Tensor

Image = NDArray[np.uint8]
Hole = NDArray[np.bool_]
Array = NDArray[Any]
ChannelOrder = Literal["bgr", "rgb"]
MaskPolarity = Literal["erase=1", "erase=0"]
ValueRange = Literal["0-1", "0-255"]

WANTED = "a picture 1x3xHxW and a mask 1x1xHxW, each float32 or uint8, are expected"
ELEMENTS = ("float32", "uint8")
RANK = 4
PROBE_SIDE = 128
PROBE_BLOCK = 8
PROBE_SEED = 7
KEPT_ERROR = 0.1
LOUDER = 2.0
CERTAIN = 0.02
UNIT_PEAK = 2.0


@dataclass(frozen=True)
class Ports:
    """The tensors of a graph that take the picture and the mask, and that return the answer."""

    image: Tensor
    mask: Tensor
    output: Tensor


@dataclass(frozen=True)
class Convention:
    """The input and output formats of a network.

    output_range: the values of black and white in its answer. mask_polarity: which end of the mask's range (0 and 1
    as float32, 0 and 255 as uint8) means erase. size: the (height, width) that the network requires, or None if it
    takes any.
    """

    channel_order: ChannelOrder
    mask_polarity: MaskPolarity
    size: tuple[int, int] | None
    output_range: ValueRange


def find_ports(model: Path, graph: Graph) -> Ports:
    """Return the tensors of a graph that erases.

    The two inputs are distinguished by their channels, 3 and 1, or by the word "mask" in a name if channels are free.
    Raises ModelError if the graph has other inputs or outputs.
    """
    pairs = [(a, b) for a in graph.inputs for b in graph.inputs if a is not b and _fits(a, 3) and _fits(b, 1)]
    pairs.sort(key=lambda pair: "mask" not in pair[1].name.lower())
    taken = "; ".join(map(str, graph.inputs)) or "nothing"
    if len(graph.inputs) != len(("image", "mask")) or not pairs:
        raise ModelError(f"{model} takes {taken}; {WANTED}")
    image, mask = pairs[0]
    if any(a and b and a != b for a, b in zip(image.shape[2:], mask.shape[2:], strict=True)):
        raise ModelError(f"{model} takes {taken}; picture and mask must have the same height and width")
    answers = [tensor for tensor in graph.outputs if not tensor.shape or _fits(tensor, 3)]
    if not answers:
        given = "; ".join(map(str, graph.outputs)) or "nothing"
        raise ModelError(f"{model} gives {given}; a picture 1x3xHxW is expected")
    return Ports(image, mask, answers[0])


def _fits(tensor: Tensor, channels: int) -> bool:
    return (
        tensor.element in ELEMENTS
        and len(tensor.shape) == RANK
        and tensor.shape[0] in (1, None)
        and tensor.shape[1] in (channels, None)
    )


def fixed_size(ports: Ports) -> tuple[int, int] | None:
    """Return the (height, width) that a graph requires, or None; if only one side is fixed, it applies to both."""
    height, width = (a or b for a, b in zip(ports.image.shape[2:], ports.mask.shape[2:], strict=True))
    if height is None and width is None:
        return None
    return height or width or 0, width or height or 0


def encode(ports: Ports, convention: Convention, image: Image, hole: Hole) -> dict[str, Array]:
    """Return the network's inputs for an HxWx3 uint8 BGR image and its HxW bool hole."""
    ordered = image[:, :, ::-1] if convention.channel_order == "rgb" else image
    erased = hole if convention.mask_polarity == "erase=1" else ~hole
    return {
        ports.image.name: _tensor(ports.image, np.moveaxis(ordered, 2, 0)),
        ports.mask.name: _tensor(ports.mask, erased[None] * np.uint8(255)),
    }


def _tensor(port: Tensor, bytes_: Array) -> Array:
    """Return the input of a port: 0 to 255 as uint8, 0 to 1 as float32."""
    if port.element == "uint8":
        return np.ascontiguousarray(bytes_[None], np.uint8)
    return np.ascontiguousarray(bytes_[None] * np.float32(1 / 255), np.float32)


def decode(convention: Convention, output: Array) -> NDArray[np.float32]:
    """Return a network's 1x3xHxW answer as HxWx3 float32 BGR, 0 to 255.

    Raises ModelError if it contains values that are not finite.
    """
    picture = np.moveaxis(output[0], 0, 2).astype(np.float32)
    if not np.isfinite(picture).all():
        raise ModelError("the network answered with values that are no numbers")
    ordered = picture[:, :, ::-1] if convention.channel_order == "rgb" else picture
    return np.ascontiguousarray(ordered * np.float32(255 if convention.output_range == "0-1" else 1))


def probe_picture(size: tuple[int, int] | None) -> tuple[Image, Hole]:
    """Return a picture of coloured blocks that no network can guess, and its left half as the hole."""
    height, width = size or (PROBE_SIDE, PROBE_SIDE)
    rng = np.random.default_rng(PROBE_SEED)
    blocks = rng.integers(0, 256, (height // PROBE_BLOCK + 1, width // PROBE_BLOCK + 1, 3), dtype=np.uint8)
    image = blocks.repeat(PROBE_BLOCK, 0).repeat(PROBE_BLOCK, 1)[:height, :width]
    hole = np.zeros((height, width), bool)
    hole[:, : width // 2] = True
    return np.ascontiguousarray(image), hole


def likely_range(output: Array) -> ValueRange:
    """Return the range of an answer to the probe picture, which contains black and white."""
    return "0-255" if output.dtype == np.uint8 or float(np.max(output)) > UNIT_PEAK else "0-1"


def shown_polarity(image: Image, answer: NDArray[np.float32]) -> MaskPolarity | None:
    """Return the polarity derived from a trial with 1 over the probe's left half, or None if it shows neither.

    The half that is returned unchanged is the one the network keeps. The columns around the middle are ignored,
    because a network may blend there.
    """
    error = np.abs(answer - image).mean(axis=(0, 2)) / 255
    third = max(1, len(error) // 3)
    left, right = float(error[:third].mean()), float(error[-third:].mean())
    if right < KEPT_ERROR and left > LOUDER * right + CERTAIN:
        return "erase=1"
    if left < KEPT_ERROR and right > LOUDER * left + CERTAIN:
        return "erase=0"
    return None
