"""Copying as an engine: at the picture's own size, or found on a shrunken picture and brought back in blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from image_erase.erasure.arrays import Pixels, fitted, full_scale
from image_erase.erasure.copying import ground, large, patchwork, seams
from image_erase.erasure.copying.effort import NORMAL, Effort
from image_erase.erasure.copying.ground import Ground
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
        level = ground.find(view.guide, view.hole, view.valid)
        view.check()
        if level is None:
            return self._copies(view)
        # Where there is nothing but bare ground, there is nothing to lay out.
        engine = replace(self, layouts=None) if level.bare else self
        copies = engine._copies(_flattened(view, level))
        return None if copies is None else _on_ground(copies, level, view)

    def _copies(self, view: View) -> Painter | None:
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


def _flattened(view: View, level: Ground) -> View:
    """The view without the ground's ups and downs."""
    guide = np.empty_like(view.guide)
    for c, plane in enumerate(cv2.split(view.guide)):
        view.check()
        guide[:, :, c] = cv2.subtract(plane, level.under(np.asarray(plane)), dtype=cv2.CV_8U)
    return replace(view, guide=guide, valid=view.valid & level.copied_from(guide))


def _on_ground(copies: Painter, level: Ground, view: View) -> Painter:
    """Paint only what differs from the ground, channel by channel to save memory."""

    def paint(pixels: Pixels) -> None:
        for c in range(pixels.shape[2]):
            view.check()
            plane = np.ascontiguousarray(pixels[:, :, c])
            under, scale = level.under(plane), np.float32(full_scale(np.uint8) / full_scale(plane.dtype))
            texture = ((plane - under) * scale)[:, :, None]
            copies(texture)
            np.copyto(pixels[:, :, c], fitted(texture[:, :, 0] / scale + under, plane.dtype), where=view.hole)

    return paint
