"""A picture while its hole is being filled region by region."""

from __future__ import annotations

import math

import cv2
import numpy as np

from image_erase.erasure import diffusion
from image_erase.erasure.arrays import U8, Bool, Pixels, full_scale
from image_erase.erasure.budget import Budget
from image_erase.erasure.engine import Engine, View
from image_erase.erasure.regions import Region

GUESS = 4
"""Least factor by which the picture is reduced for the first guess."""

MOST_GUESSED = 100_000
"""Most hole pixels after that reduction; with more, the picture is reduced further."""

COLOURS = 3

_EVERYTHING = slice(0, None), slice(0, None)

BESIDE = 4
"""Pixels around a hole that decide whether its surroundings are opaque or transparent."""


class Canvas:
    """A picture while its regions are being filled.

    image: the picture so far. hole: HxW, all that is to be filled. pending: HxW, what is still to be filled.
    engines: the names of the engines that were used, in order of first use. budget: the time that is left.
    """

    def __init__(self, image: Pixels, guide: U8, hole: Bool, budget: Budget, *, alpha: bool = False) -> None:
        """See Eraser.erase for what the arguments are; the image is filled in place, the guide isn't changed.

        alpha: whether the last channel is alpha, by which the others are multiplied.
        """
        self.image: Pixels = image
        self.hole = hole
        self.shape = hole.shape[0], hole.shape[1]
        self.engines: dict[str, None] = {}
        self.pending: Bool = hole.copy()
        self.budget = budget
        self._guide = self.image if _same(image, guide) else guide.copy()
        self._alpha = alpha

    @property
    def has_colours(self) -> bool:
        """Whether the image's first three channels equal the guide, so that a network's colours fit unchanged."""
        return (
            self.image.dtype == np.uint8
            and self.image.shape[2] >= COLOURS
            and (self._guide is self.image or np.array_equal(self.image[:, :, :COLOURS], self._guide))
        )

    def view(self, region: Region) -> View:
        """What an engine sees of a region."""
        guide = np.ascontiguousarray(self._guide[region.box], np.uint8)
        valid = ~self.hole[region.box]
        if self._alpha:
            valid = _alike(valid, region.hole, self.image[region.box][:, :, -1])
        channels = sum(layer.shape[2] for layer in self._layers(region))
        return View(region, guide, valid, self.budget.check, self.budget.affords, channels)

    def guess(self) -> None:
        """Put a coarse guess into the guide, so that no region's context shows what is still to be erased."""
        self.budget.check()
        factor = guess_factor(self.pending)
        with self.budget.work(diffusion.seconds(Region(_EVERYTHING, self.pending), COLOURS, factor)):
            diffusion.guess(self._guide, self.pending, factor)

    def fill(self, region: Region, engine: Engine, seconds: float | None = None) -> None:
        """Fill a region by an engine; leave it pending if the engine cannot fill it.

        seconds: the predicted time, None if there is no prediction.
        """
        with self.budget.work(seconds):
            painter = engine.painter(self.view(region))
            if painter is None:
                return
            for pixels in self._layers(region):
                painter(pixels[region.box])
        self.engines[engine.name] = None
        self.pending[region.box] &= ~region.hole

    def _layers(self, region: Region) -> list[Pixels]:
        """The layers to fill in a region: the image, and the guide if it differs and other regions need it."""
        more = self._guide is not self.image and int(np.count_nonzero(self.pending)) > region.area
        return [self.image, self._guide.view()] if more else [self.image]


def guess_factor(hole: Bool) -> int:
    """The factor by which the picture is reduced for the first guess of `hole`."""
    return max(GUESS, math.ceil(math.sqrt(np.count_nonzero(hole) / MOST_GUESSED)))


def _alike(valid: Bool, hole: Bool, alpha: Pixels) -> Bool:
    """The valid pixels (HxW); only the opaque (or transparent) ones if the hole is surrounded by these alone."""
    window = np.ones((2 * BESIDE + 1,) * 2, np.uint8)
    beside = alpha[valid & cv2.dilate(hole.view(np.uint8), window).astype(np.bool_)]
    extremes = 0, full_scale(alpha.dtype)
    return valid & (alpha == beside[0]) if beside.size and beside[0] in extremes and np.ptp(beside) == 0 else valid


def _same(image: Pixels, guide: U8) -> bool:
    return image is guide or (image.dtype == guide.dtype and np.array_equal(image, guide))
