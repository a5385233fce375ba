"""Fill a hole by an ONNX network that the operator supplies, such as LaMa or MI-GAN's pipeline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from image_erase.erasure.failures import ModelError

from .convention import (
    ChannelOrder,
    Convention,
    MaskPolarity,
    Ports,
    ValueRange,
    decode,
    encode,
    find_ports,
    fixed_size,
    likely_range,
    probe_picture,
    shown_polarity,
)
from .rim import fit_into_hole
from .runtime import Graph

__all__ = ["Convention", "NeuralEngine"]

Image = NDArray[np.uint8]
Hole = NDArray[np.bool_]
Array = NDArray[Any]
Auto = Literal["auto"]

FREE_SIDE = 512
FREE_MULTIPLE = 32
LEAST_FREE_SIDE = 64


@dataclass(frozen=True)
class Frame:
    """The placement of a region in the network's picture: scaled to (height, width), then mirrored out to `outer`."""

    region: tuple[int, int]
    inner: tuple[int, int]
    outer: tuple[int, int]

    @property
    def shrinks(self) -> bool:
        """Whether scaling loses detail."""
        return self.inner != self.region

    def scaled(self, image: Array) -> Array:
        """Return the region at the scale of the network."""
        return cv2.resize(image, self.inner[::-1], interpolation=cv2.INTER_AREA) if self.shrinks else image

    def mirrored(self, image: Array) -> Array:
        """Return a scaled region mirrored at its bottom and right until it fills the network's picture."""
        below, right = self.outer[0] - self.inner[0], self.outer[1] - self.inner[1]
        return cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REFLECT_101)

    def restored(self, answer: Array) -> Array:
        """Return the region's part of the network's answer at the size of the region."""
        inner = answer[: self.inner[0], : self.inner[1]]
        return cv2.resize(inner, self.region[::-1], interpolation=cv2.INTER_CUBIC) if self.shrinks else inner


class NeuralEngine:
    """An engine that runs a network.

    Networks known to work, all with two inputs named or shaped as `image` and `mask`:

    - LaMa as exported to ONNX by Carve and, from that and quantised, by OpenCV's model zoo (Suvorov et al.,
      "Resolution-robust Large Mask Inpainting with Fourier Convolutions", WACV 2022): float32 1x3x512x512 in 0 to 1
      and 1x1x512x512 with 1 = erase; float32 answer in 0 to 255.
    - MI-GAN's pipeline (Sargsyan et al., "MI-GAN: A Simple Baseline for Image Inpainting on Mobile Devices",
      ICCV 2023): uint8 1x3xHxW and 1x1xHxW with **0 = erase** and 255 = keep; uint8 answer.

    Size, element types and the range of the picture come from the graph; the mask's polarity and the answer's range
    from a trial run at startup. Neither shows the channel order: "auto" is RGB, on which LaMa and MI-GAN were trained.
    (The demo of OpenCV's model zoo passes BGR to its LaMa; "bgr" reproduces that.)
    """

    name = "onnx"

    def __init__(
        self,
        model: Path,
        *,
        channel_order: ChannelOrder | Auto = "auto",
        mask_polarity: MaskPolarity | Auto = "auto",
        output_range: ValueRange | Auto = "auto",
    ) -> None:
        """Load the network in `model` and run it once on a synthetic picture.

        Raises ModelError if the file, its graph or the trial's answer fits none of the conventions, if the settings
        contradict the trial, or if the trial does not show what "auto" needs to know.
        """
        self._graph = Graph(model)
        self._ports = find_ports(model, self._graph)
        assumed = _assumed(self._ports, channel_order)
        image, hole = probe_picture(assumed.size)
        output = self._run(assumed, image, hole)
        _check_answer(model, output, image)
        ranged = replace(assumed, output_range=likely_range(output) if output_range == "auto" else output_range)
        shown = shown_polarity(image, decode(ranged, output))
        self.convention = replace(ranged, mask_polarity=_settled(model, mask_polarity, shown))

    @property
    def side(self) -> int:
        """The longest side in pixels of a region that the network takes at full size; larger ones are scaled down."""
        return min(self.convention.size or (FREE_SIDE, FREE_SIDE))

    def fill(self, guide: Image, hole: Hole) -> Image:
        """Return a copy of `guide` (HxWx3 uint8 BGR, any size from 1x1) with its `hole` (HxW bool) filled.

        Pixels outside the hole are unchanged, bit for bit. A region larger than `side` is reduced for the network
        and its fill enlarged again, which makes it softer than the picture; grain is added to hide that. A smaller
        one is extended by mirroring, never enlarged. Raises ModelError if the network does not return a picture.
        """
        if not hole.any():
            return guide.copy()
        frame = _frame(self.convention.size, hole.shape[:2])
        small = frame.scaled(_blanked(guide, hole))
        # A pixel of the reduced picture that has any share of the hole must not count as known.
        touched = frame.scaled(hole.astype(np.float32)) > 0
        answer = self._answer(frame.mirrored(small), frame.mirrored(touched.astype(np.uint8)) > 0)
        blurred = np.clip(frame.restored(small), 0, 255).astype(np.uint8) if frame.shrinks else None
        return fit_into_hole(guide, hole, frame.restored(answer), blurred)

    def _answer(self, image: Image, hole: Hole) -> NDArray[np.float32]:
        output = self._run(self.convention, image, hole)
        if output.shape != (1, 3, *image.shape[:2]):
            raise ModelError(f"the network answered {output.shape} to a picture of {image.shape[:2]}")
        return decode(self.convention, output)

    def _run(self, convention: Convention, image: Image, hole: Hole) -> Array:
        (output,) = self._graph.run([self._ports.output.name], encode(self._ports, convention, image, hole))
        return output


def _blanked(guide: Image, hole: Hole) -> Image:
    """Return the guide with the mean colour of its known pixels in the hole, so that no network sees what to erase."""
    blanked = guide.copy()
    blanked[hole] = np.rint(cv2.mean(guide, (~hole).astype(np.uint8))[:3])
    return blanked


def _assumed(ports: Ports, channel_order: ChannelOrder | Auto) -> Convention:
    return Convention(
        channel_order="rgb" if channel_order == "auto" else channel_order,
        mask_polarity="erase=1",
        size=fixed_size(ports),
        output_range="0-255",
    )


def _check_answer(model: Path, output: Array, image: Image) -> None:
    if output.shape != (1, 3, *image.shape[:2]):
        raise ModelError(f"{model} answers with shape {output.shape} to a picture of {image.shape[:2]}")
    if not np.isfinite(output).all():
        raise ModelError(f"{model} answers with values that are no numbers")


def _settled(model: Path, told: MaskPolarity | Auto, shown: MaskPolarity | None) -> MaskPolarity:
    if told == "auto":
        if shown is None:
            raise ModelError(
                f"{model} gave back neither half of a trial picture as it was, or both, so that it can't be told "
                "which mask value erases: set the mask polarity, or check that this is a network that erases"
            )
        return shown
    if shown not in (None, told):
        raise ModelError(f"{model} is set to {told} but a trial run shows {shown}")
    return told


def _frame(size: tuple[int, int] | None, region: tuple[int, int]) -> Frame:
    limit = size or (FREE_SIDE, FREE_SIDE)
    scale = min(1.0, limit[0] / region[0], limit[1] / region[1])
    inner = (max(1, min(limit[0], round(region[0] * scale))), max(1, min(limit[1], round(region[1] * scale))))
    return Frame(region, inner, size or (_free_side(inner[0]), _free_side(inner[1])))


def _free_side(side: int) -> int:
    return max(LEAST_FREE_SIDE, -(-side // FREE_MULTIPLE) * FREE_MULTIPLE)
