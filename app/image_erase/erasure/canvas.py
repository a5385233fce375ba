"""A picture while its hole is being filled region by region, and the ways to fill one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from image_erase.erasure import copying as exemplar
from image_erase.erasure import diffusion, plan, regions
from image_erase.erasure.copying import large, patchwork
from image_erase.erasure.reduction import Pixels
from image_erase.erasure.regions import BoolArray, Region

SCRATCH = 2.5
"""Half width in pixels up to which diffusion may do, if the ground is smooth."""

SMOOTH = 3.0
"""Grey levels: on smooth ground nine pixels in ten differ less than this from the mean around them."""

RESERVE = 4.0
"""Seconds left at which the rest is left to the first guess or to diffusion, so that the answer comes in time."""

GUESS = 4
"""How many times smaller the picture is from which a first guess is made."""

NEURAL_CONTEXT = 0.5
"""Context around a region for the network, in sides of the region."""

LEAST_NEURAL_SIDE = 256

COLOURS = 3

_EVERYTHING = slice(0, None), slice(0, None)


class NeuralEngine(Protocol):
    """A network that fills holes."""

    def fill(self, guide: NDArray[np.uint8], hole: BoolArray) -> NDArray[np.uint8]:
        """Fill `hole` (HxW) in `guide` (HxWx3 BGR); only the hole's pixels of the result are used."""
        ...


class LateError(Exception):
    """There is only time left for the quickest way."""


class Canvas:
    """A picture while its regions are being filled."""

    def __init__(
        self, image: Pixels, guide: NDArray[np.uint8], hole: BoolArray, time_left: Callable[[], float]
    ) -> None:
        """See Eraser.erase for what the arguments are; none of them is changed."""
        self.image: Pixels = image.copy()
        self.hole = hole
        self.shape = hole.shape[0], hole.shape[1]
        self.engines: dict[str, None] = {}
        self._guide = self.image if _same(image, guide) else guide.copy()
        self._pending = hole.copy()
        self._guessed = False
        self._time_left = time_left

    @property
    def has_colours(self) -> bool:
        """Whether the first three channels of the image are the guide, so that a network's colours fit."""
        return (
            self.image.dtype == np.uint8
            and self.image.shape[2] >= COLOURS
            and (self._guide is self.image or np.array_equal(self.image[:, :, :COLOURS], self._guide))
        )

    def check(self) -> None:
        """Raise LateError when time runs out, and whatever the caller's clock raises."""
        if self._time_left() < RESERVE:
            raise LateError

    def diffuse_rest(self) -> None:
        """Fill what is left by diffusion; when time runs out, the guess stands for it."""
        if self._guessed and self._time_left() < RESERVE and self._pending.any():
            self.engines["opencv"] = None
            return
        for region, factor in diffusion.parts(self._pending):
            self._diffuse(region, factor)

    def guess(self) -> None:
        """Put a coarse guess where the hole is, so that no region sees in its context what is still to be erased."""
        for pixels in self._layers():
            self.check()
            diffusion.guess(pixels, self._pending, GUESS)
        self._guessed = True

    def diffuse_if_smooth(self, part: Region) -> bool:
        """Fill a part by diffusion if nobody can tell the difference."""
        if part.half_width > SCRATCH:
            return False
        near = regions.with_context(part, diffusion.REACH, self.shape)
        if self._roughness(near) > SMOOTH:
            return False
        self._diffuse(near)
        return True

    def copy(self, job: plan.Job) -> None:
        """Fill a region by copying from its context; leave it where the context has nothing to copy."""
        self.check()
        box, own = job.region.box, job.region.hole
        guide, valid = np.ascontiguousarray(self._guide[box], np.uint8), ~self.hole[box]
        if not valid.any():
            return
        if job.factor == 1:
            sources = exemplar.solve(guide, own, valid=valid, effort=job.effort, check=self.check)

            def paint(pixels: Pixels) -> None:
                np.copyto(pixels, exemplar.render(pixels, own, sources, self.check))
        else:
            blocks = large.solve(guide, own, valid, factor=job.factor, effort=job.effort, check=self.check)
            if blocks is None:
                return

            def paint(pixels: Pixels) -> None:
                patchwork.render(pixels, blocks, self.check)

        self._paint(job.region, paint, "exemplar")

    def infer(self, part: Region, neural: NeuralEngine) -> None:
        """Fill a part by the network, channels beyond the colours by diffusion."""
        self.check()
        side = max(LEAST_NEURAL_SIDE, int(part.side * (1 + 2 * NEURAL_CONTEXT)))
        region = regions.in_square(part, side, self.shape)
        filled = neural.fill(np.ascontiguousarray(self._guide[region.box], np.uint8), region.hole)

        def paint(pixels: Pixels) -> None:
            np.copyto(pixels[:, :, :COLOURS], filled, where=region.hole[:, :, None])
            if pixels.shape[2] > COLOURS:
                diffusion.fill_region(pixels[:, :, COLOURS:], Region(_EVERYTHING, region.hole))

        self._paint(region, paint, "onnx")

    def _diffuse(self, region: Region, factor: int = 1) -> None:
        self._time_left()
        self.engines["opencv"] = None
        for pixels in self._layers():
            diffusion.fill_region(pixels, region, factor=factor)
        self._pending[region.box] &= ~region.hole

    def _paint(self, region: Region, paint: Callable[[Pixels], None], engine: str) -> None:
        for pixels in self._layers():
            paint(pixels[region.box])
        self.engines[engine] = None
        self._pending[region.box] &= ~region.hole

    def _layers(self) -> list[Pixels]:
        """What is to be filled: the image, and the guide where it is another picture."""
        return [self.image] if self._guide is self.image else [self.image, self._guide.view()]

    def _roughness(self, near: Region) -> float:
        """How much known pixels next to the region differ from the mean around them: the 90 % quantile."""
        luma = cv2.cvtColor(self._guide[near.box], cv2.COLOR_BGR2GRAY).astype(np.float32)
        known = (~self.hole[near.box]).astype(np.float32)
        window = (2 * diffusion.REACH + 1,) * 2
        mean = cv2.blur(luma * known, window) / np.maximum(cv2.blur(known, window), 1e-6)
        difference = np.abs(luma - mean)[known > 0]
        return float(np.quantile(difference, 0.9)) if difference.size else np.inf


def _same(image: Pixels, guide: NDArray[np.uint8]) -> bool:
    return image is guide or (image.dtype == guide.dtype and np.array_equal(image, guide))
