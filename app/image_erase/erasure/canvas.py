"""A picture while its hole is being filled region by region."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from image_erase.erasure import diffusion
from image_erase.erasure.arrays import U8, Bool, Pixels, full_scale
from image_erase.erasure.engine import Engine, View
from image_erase.erasure.regions import Region

RESERVE = 4.0
"""Seconds left at which the rest is left to the first guess or to diffusion, so that the answer comes in time."""

GUESS = 4
"""How many times smaller the picture is from which a first guess is made."""

COLOURS = 3

BESIDE = 4
"""Pixels around a hole that say whether it lies in what is opaque, or in what is clear."""


class LateError(Exception):
    """There is only time left for the quickest way."""


class Canvas:
    """A picture while its regions are being filled.

    image: the picture so far. hole: HxW, all that is to be filled. pending: HxW, what is still to be filled.
    engines: the names of the engines that were used, in order of first use. guessed: whether the hole shows a guess.
    """

    def __init__(
        self, image: Pixels, guide: U8, hole: Bool, time_left: Callable[[], float], *, alpha: bool = False
    ) -> None:
        """See Eraser.erase for what the arguments are; the image is filled in place, the guide isn't changed.

        alpha: whether the last channel is alpha, by which the others are multiplied.
        """
        self.image: Pixels = image
        self.hole = hole
        self.shape = hole.shape[0], hole.shape[1]
        self.engines: dict[str, None] = {}
        self.pending: Bool = hole.copy()
        self.guessed = False
        self._guide = self.image if _same(image, guide) else guide.copy()
        self._time_left = time_left
        self._alpha = alpha

    @property
    def has_colours(self) -> bool:
        """Whether the first three channels of the image are the guide, so that a network's colours fit."""
        return (
            self.image.dtype == np.uint8
            and self.image.shape[2] >= COLOURS
            and (self._guide is self.image or np.array_equal(self.image[:, :, :COLOURS], self._guide))
        )

    @property
    def late(self) -> bool:
        """Whether there is only time left for the quickest way. Raises whatever the caller's clock raises."""
        return self._time_left() < RESERVE

    def check(self) -> None:
        """Raise LateError when time runs out, and whatever the caller's clock raises."""
        if self.late:
            raise LateError

    def view(self, region: Region) -> View:
        """What an engine sees of a region."""
        guide = np.ascontiguousarray(self._guide[region.box], np.uint8)
        valid = ~self.hole[region.box]
        if self._alpha:
            valid = _alike(valid, region.hole, self.image[region.box][:, :, -1])
        return View(region, guide, valid, self.check)

    def guess(self) -> None:
        """Put a coarse guess where the hole is, so that no region sees in its context what is still to be erased."""
        for pixels in self._layers():
            self.check()
            diffusion.guess(pixels, self.pending, GUESS)
        self.guessed = True

    def fill(self, region: Region, engine: Engine) -> None:
        """Fill a region by an engine; leave it pending where the engine cannot."""
        self._time_left()
        painter = engine.painter(self.view(region))
        if painter is None:
            return
        for pixels in self._layers():
            painter(pixels[region.box])
        self.engines[engine.name] = None
        self.pending[region.box] &= ~region.hole

    def _layers(self) -> list[Pixels]:
        """What is to be filled: the image, and the guide where it is another picture."""
        return [self.image] if self._guide is self.image else [self.image, self._guide.view()]


def _alike(valid: Bool, hole: Bool, alpha: Pixels) -> Bool:
    """The valid pixels (HxW), only the opaque or only the clear ones where the hole is surrounded by nothing else."""
    window = np.ones((2 * BESIDE + 1,) * 2, np.uint8)
    beside = alpha[valid & cv2.dilate(hole.view(np.uint8), window).astype(np.bool_)]
    extremes = 0, full_scale(alpha.dtype)
    return valid & (alpha == beside[0]) if beside.size and beside[0] in extremes and np.ptp(beside) == 0 else valid


def _same(image: Pixels, guide: U8) -> bool:
    return image is guide or (image.dtype == guide.dtype and np.array_equal(image, guide))
