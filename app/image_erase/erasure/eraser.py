"""Erase a hole from a picture: which engine fills which region, and the way down when a hole is too much for it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from image_erase.erasure import appearance, diffusion, plan, regions, smoothness
from image_erase.erasure.arrays import U8, Bool, Pixels
from image_erase.erasure.budget import Budget, LateError
from image_erase.erasure.canvas import Canvas
from image_erase.erasure.copying import EffortName, Layouts
from image_erase.erasure.diffusion import Diffusion
from image_erase.erasure.inference import Inference, NeuralEngine, square
from image_erase.erasure.reach import reach
from image_erase.erasure.regions import Box, Region
from image_erase.erasure.schedule import scheduled

__all__ = ["Engine", "Erased", "Eraser", "EraserOptions", "NeuralEngine", "NothingToFillFrom"]

DIFFUSED = 0.5
"""Share of the time that is left which diffusion may take."""

LEAST_DIFFUSED = 20_000
"""Hole pixels that are diffused even when there is no time left."""

Engine = Literal["auto", "opencv", "exemplar", "onnx"]


class NothingToFillFrom(ValueError):
    """The hole covers the whole picture."""


@dataclass(frozen=True)
class EraserOptions:
    """How to fill.

    engine: who does it; auto decides by region. working_side: the longest side in pixels at which patches are
    compared, 128..4096; larger regions are shrunk for that.
    """

    engine: Engine = "auto"
    working_side: int = 768


@dataclass(frozen=True)
class Erased:
    """The result, and the names of the engines that were used, in order of first use."""

    image: Pixels
    engines: tuple[str, ...]


class Eraser:
    """Fills holes by the engine of the options."""

    def __init__(
        self, options: EraserOptions, neural: NeuralEngine | None = None, layouts: Layouts | None = None
    ) -> None:
        """layouts: what says what a hole may hide, which the patches that `auto` copies then follow.

        Raises ValueError when the options name the onnx engine and there is no network."""
        if options.engine == "onnx" and neural is None:
            raise ValueError("the onnx engine needs a network")
        self._options = options
        self._neural = neural
        self._layouts = layouts

    def reach(self, hole: Bool) -> Box:
        """The rows and columns of a picture that have to be given to `erase` for this hole (HxW)."""
        engine = self._options.engine
        return reach(hole, copies=engine != "opencv", asks_network=engine == "onnx")

    def erase(
        self,
        image: Pixels,
        guide: U8,
        hole: Bool,
        *,
        time_left: Callable[[], float],
        alpha: bool = False,
        effort: EffortName = "normal",
        seed: int = 0,
    ) -> Erased:
        """Fill `hole` (HxW) in `image` (HxWxC uint8 or uint16, C 1..5); outside it nothing changes.

        guide: the picture as HxWx3 uint8 BGR, which decides what is copied. alpha: whether the last channel is alpha,
        which then decides too; the colour under alpha 0 counts nowhere. time_left: seconds that filling may still
        take; the less there is, compared with the time that the work takes on this machine, the coarser the result,
        but as long as there is enough it depends on the other arguments alone. effort: how long to search. seed: of
        the random numbers of the search, 0 or more. An empty hole gives the image itself. Raises NothingToFillFrom
        when the hole is the whole picture, and what `time_left` raises.
        """
        if not hole.any():
            return Erased(image, ())
        if hole.all():
            raise NothingToFillFrom("the hole covers the whole picture")
        # A network takes the colours as they are, in 8 bits.
        clear = appearance.premultiplied(image, hole) if alpha and self._options.engine != "onnx" else None
        if clear is not None:
            guide = appearance.over_unused_colour(clear, hole)
            budget = Budget(time_left, appearance.UNMULTIPLYING * hole.size)
            filled = self._filled(Canvas(clear, guide, hole, budget, alpha=True), effort, seed)
            return Erased(appearance.unmultiplied(filled.image, image, hole), tuple(filled.engines))
        if image.dtype == np.uint16:
            guide = appearance.stretched(image, guide, hole)
        filled = self._filled(Canvas(image.copy(), guide, hole, Budget(time_left)), effort, seed)
        return Erased(filled.image, tuple(filled.engines))

    def _filled(self, canvas: Canvas, effort: EffortName, seed: int) -> Canvas:
        if self._options.engine == "opencv":
            _diffuse_rest(canvas)
        elif self._options.engine == "onnx" and self._neural is not None:
            self._fill_neurally(canvas, self._neural, effort, seed)
        else:
            self._fill_by_copying(canvas, effort, seed)
        return canvas

    def _fill_by_copying(self, canvas: Canvas, effort: EffortName, seed: int) -> None:
        parts = regions.group(canvas.hole, plan.NEAR)
        if self._options.engine == "auto":
            parts = [part for part in parts if not _diffused(canvas, part)]
        layouts = self._layouts if self._options.engine == "auto" and effort != "fast" else None
        way = plan.steps(effort, self._options.working_side, seed)
        with _within_means():
            for job, guided in scheduled(canvas, parts, way):
                canvas.fill(job.region, replace(job.engine, layouts=layouts if guided else None), job.seconds)
        _diffuse_rest(canvas)

    def _fill_neurally(self, canvas: Canvas, neural: NeuralEngine, effort: EffortName, seed: int) -> None:
        if not canvas.has_colours:
            self._fill_by_copying(canvas, effort, seed)
            return
        with _within_means():
            canvas.guess()
            for part in regions.group(canvas.hole, plan.NEAR):
                canvas.budget.check()
                canvas.fill(square(part, canvas.shape), Inference(neural))
        _diffuse_rest(canvas)


def _diffuse_rest(canvas: Canvas) -> None:
    """Fill what is left by diffusion, at as reduced a size as the time that is left asks for."""
    canvas.budget.reserved = 0.0
    channels = canvas.image.shape[2]
    most = int(DIFFUSED * canvas.budget.affordable / (channels * diffusion.PER_SAMPLE))
    for region, factor in diffusion.parts(canvas.pending, most=min(max(most, LEAST_DIFFUSED), diffusion.MOST_AREA)):
        canvas.fill(region, Diffusion(factor), diffusion.seconds(region, channels, factor))


def _diffused(canvas: Canvas, part: Region) -> bool:
    """Fill a scratch on smooth ground by diffusion; False where the part is none."""
    if not smoothness.is_scratch(canvas, part):
        return False
    region = smoothness.scratched(part, canvas.shape)
    canvas.fill(region, Diffusion(), diffusion.seconds(region, canvas.image.shape[2]))
    return True


@contextlib.contextmanager
def _within_means() -> Iterator[None]:
    """Leave off where time or memory run out: what is left is then filled in the way that takes the least of both."""
    try:
        yield
    except (LateError, MemoryError):
        pass
    except cv2.error as error:
        if error.code != cv2.Error.StsNoMem:
            raise
