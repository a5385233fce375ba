"""Copying as an engine: at the picture's own size, or found on a shrunken picture and brought back in blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from image_erase.erasure.arrays import Pixels
from image_erase.erasure.copying import large, patchwork, seams
from image_erase.erasure.copying.effort import NORMAL, Effort
from image_erase.erasure.copying.layout import Layouts
from image_erase.erasure.copying.solve import solve
from image_erase.erasure.engine import Painter, View


@dataclass(frozen=True)
class Copying:
    """The engine that copies patches, searched for on a picture `factor` times smaller (1: as it is).

    layouts: what says what a hole may hide; None where the patches alone decide.
    """

    factor: int = 1
    effort: Effort = NORMAL
    layouts: Layouts | None = None
    name: str = "exemplar"

    def painter(self, view: View) -> Painter | None:
        """Find what to copy; None where there is nothing to copy from."""
        view.check()
        if not view.valid.any():
            return None
        return self._native(view) if self.factor == 1 else self._shrunken(view)

    def _native(self, view: View) -> Painter:
        sources = solve(
            view.guide, view.hole, valid=view.valid, layouts=self.layouts, effort=self.effort, check=view.check
        )

        def paint(pixels: Pixels) -> None:
            np.copyto(pixels, seams.render(pixels, view.hole, sources, view.check))

        return paint

    def _shrunken(self, view: View) -> Painter | None:
        blocks = large.solve(
            view.guide,
            view.hole,
            view.valid,
            factor=self.factor,
            layouts=self.layouts,
            effort=self.effort,
            check=view.check,
        )
        if blocks is None:
            return None

        def paint(pixels: Pixels) -> None:
            patchwork.render(pixels, blocks, view.check)

        return paint
