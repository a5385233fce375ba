"""Erase a hole from a picture: choose the engine for each region, and fall back to faster ones for large holes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from image_erase.erasure import appearance, diffusion, regions, smoothness
from image_erase.erasure.arrays import U8, Bool, Pixels
from image_erase.erasure.budget import Budget, LateError
from image_erase.erasure.canvas import Canvas
from image_erase.erasure.context import NEAR
from image_erase.erasure.diffusion import Diffusion
from image_erase.erasure.failures import NothingToFillFrom
from image_erase.erasure.inference import Inference, NeuralEngine, square
from image_erase.erasure.memory import while_there_is_memory
from image_erase.erasure.reach import reach
from image_erase.erasure.regions import Box, Region

if TYPE_CHECKING:
    from image_erase.erasure.copying import EffortName, Layouts

__all__ = ["Engine", "Erased", "Eraser", "EraserOptions", "NeuralEngine"]

DIFFUSED = 0.5
"""Share of the remaining time that diffusion may take."""

LEAST_DIFFUSED = 20_000
"""Hole pixels that are filled by diffusion even if no time is left."""

Engine = Literal["auto", "opencv", "exemplar", "onnx"]


@dataclass(frozen=True)
class EraserOptions:
    """How to fill.

    engine: which one; auto decides for each region. working_side: the longest side in pixels at which patches are
    compared, 128..4096; larger regions are reduced for that.
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
        """layouts: predicts what a hole hides; the patches that `auto` copies then follow it.

        Raises ValueError if the options name the onnx engine and there is no network.
        """
        if options.engine == "onnx" and neural is None:
            raise ValueError("the onnx engine needs a network")
        self._options = options
        self._neural = neural
        self._layouts = layouts

    def reach(self, hole: Bool) -> Box:
        """The rows and columns of a picture that `erase` needs for this hole (HxW)."""
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
        """Fill `hole` (HxW) in `image` (HxWxC uint8 or uint16, C 1..5); other pixels are unchanged.

        guide: the picture as HxWx3 uint8 BGR, in which patches are compared. alpha: whether the last channel is alpha,
        which is then compared too; colours under alpha 0 have no influence. time_left: returns the seconds that
        filling may still take. With too little time for this machine the result becomes coarser; as long as there is
        enough, it depends on the other arguments alone. effort: how long to search. seed: of the random numbers of
        the search, 0 or more. An empty hole returns the image itself. Raises NothingToFillFrom if the hole is the
        whole picture, and what `time_left` raises.
        """
        if not hole.any():
            return Erased(image, ())
        if hole.all():
            raise NothingToFillFrom("the hole covers the whole picture")
        # A network takes the unmodified colours, in 8 bits.
        clear = appearance.premultiplied(image, hole) if alpha and self._options.engine != "onnx" else None
        if clear is not None:
            guide = appearance.over_unused_colour(clear, hole)
            budget = Budget(time_left, appearance.UNMULTIPLYING * hole.size)
            filled = self._filled(Canvas(clear, guide, hole, budget, alpha=True), effort, seed)
            return Erased(appearance.unmultiplied(filled.image, image, hole), tuple(filled.engines))
        if image.dtype == np.uint16:
            guide = appearance.stretched(image, guide, hole)
        own = image.copy()
        shown = own if guide is image else guide
        filled = self._filled(Canvas(own, shown, hole, Budget(time_left)), effort, seed)
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
        # A tenth of a worker's start, and not needed by the engine opencv.
        from image_erase.erasure import plan  # noqa: PLC0415
        from image_erase.erasure.schedule import scheduled  # noqa: PLC0415

        parts = regions.group(canvas.hole, NEAR)
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
            for part in regions.group(canvas.hole, NEAR):
                canvas.budget.check()
                canvas.fill(square(part, canvas.shape), Inference(neural))
        _diffuse_rest(canvas)


def _diffuse_rest(canvas: Canvas) -> None:
    """Fill the pending pixels by diffusion, reduced as far as the remaining time requires."""
    canvas.budget.reserved = 0.0
    channels = canvas.image.shape[2]
    most = int(DIFFUSED * canvas.budget.affordable / (channels * diffusion.PER_SAMPLE))
    for region, factor in diffusion.parts(canvas.pending, most=min(max(most, LEAST_DIFFUSED), diffusion.MOST_AREA)):
        canvas.fill(region, Diffusion(factor), diffusion.seconds(region, channels, factor))


def _diffused(canvas: Canvas, part: Region) -> bool:
    """Fill a scratch on smooth ground by diffusion; False if the part is none."""
    if not smoothness.is_scratch(canvas, part):
        return False
    region = smoothness.scratched(part, canvas.shape)
    canvas.fill(region, Diffusion(), diffusion.seconds(region, canvas.image.shape[2]))
    return True


@contextlib.contextmanager
def _within_means() -> Iterator[None]:
    """Stop when time or memory runs out; diffusion, which needs the least of both, then fills the rest."""
    with contextlib.suppress(LateError), while_there_is_memory():
        yield
