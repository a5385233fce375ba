"""The engine that copies patches: at full size, or searched for on a reduced picture and copied in blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from image_erase.erasure.arrays import Pixels, fitted, full_scale
from image_erase.erasure.copying import costs, ground, large, patchwork, seams
from image_erase.erasure.copying.effort import NORMAL, Effort
from image_erase.erasure.copying.ground import Ground
from image_erase.erasure.copying.layout import Layouts
from image_erase.erasure.copying.solve import solve
from image_erase.erasure.copying.tone import LastLayout, toned
from image_erase.erasure.engine import Painter, View
from image_erase.erasure.regions import Region


@dataclass(frozen=True)
class Copying:
    """The engine that copies patches, searched for on a picture `factor` times smaller (1: at full size).

    layouts: predicts what the hole hides; None if the patches alone decide. coarseness: how roughly the seams are
    blended, 0 to costs.COARSEST. When only the time for painting is left, the search stops and what it has found is
    painted.
    """

    factor: int = 1
    effort: Effort = NORMAL
    layouts: Layouts | None = None
    coarseness: int = 0
    name: str = "exemplar"

    def seconds(self, region: Region, channels: int) -> float:
        """Predict the time for filling a region in `channels` channels."""
        searching = costs.searching(region, self.factor, aligned=self._aligned)
        if self.factor == 1:
            return searching
        return searching + costs.painting(region.area, channels, self.factor, self.coarseness)

    @property
    def _aligned(self) -> bool:
        return self.coarseness < costs.COARSEST

    def painter(self, view: View) -> Painter | None:
        """Find what to copy; None if there is nothing to copy from."""
        view.check()
        if not view.valid.any():
            return None
        level = ground.find(view.guide, view.hole, view.valid)
        view.check()
        if level is None:
            return self._copies(view)
        engine = replace(self, layouts=level.layouts(self.layouts, view.guide))
        copies = engine._copies(_flattened(view, level))
        return None if copies is None else _on_ground(copies, level, view)

    def _copies(self, view: View) -> Painter | None:
        layouts = LastLayout(self.layouts) if self.layouts else None
        copies = self._native(view, layouts) if self.factor == 1 else self._reduced(view, layouts)
        if copies is None or layouts is None:
            return copies
        return toned(copies, layouts.layout, view.guide, view.hole, self.factor)

    def _native(self, view: View, layouts: Layouts | None) -> Painter:
        hurry = _Hurry(view, self.factor)
        sources = solve(
            view.guide,
            view.hole,
            valid=view.valid,
            layouts=layouts,
            effort=self.effort,
            check=hurry.check,
            hurried=hurry,
        )

        def paint(pixels: Pixels) -> None:
            np.copyto(pixels, seams.render(pixels, view.hole, sources, hurry.check, hurry))

        return paint

    def _reduced(self, view: View, layouts: Layouts | None) -> Painter | None:
        hurry = _Hurry(view, self.factor, self.coarseness)
        blocks = large.solve(
            view.guide,
            view.hole,
            view.valid,
            factor=self.factor,
            layouts=layouts,
            effort=self.effort,
            aligned=self._aligned,
            check=hurry.check,
            hurried=hurry,
        )
        if blocks is None:
            return None

        def paint(pixels: Pixels) -> None:
            patchwork.render(pixels, blocks, hurry.check, hurry.next_coarseness)

        return paint


class _Hurry:
    """Decides when to stop the search, and how roughly each channel's seams are blended."""

    def __init__(self, view: View, factor: int, coarseness: int = 0) -> None:
        """coarseness: the lower bound."""
        self._view, self._area, self._channels = view, view.region.area, view.channels
        self._factor, self._coarseness = factor, coarseness
        self._hurried = False

    def __call__(self) -> bool:
        """Whether only the time for painting is left. Once true, it stays true."""
        self._hurried |= not self._view.affords(self._painting(costs.COARSEST))
        return self._hurried

    def check(self) -> None:
        """Raise what the caller's clock raises, except LateError: by then the search is about to stop anyway."""
        self()

    def next_coarseness(self) -> int:
        """The coarseness for the next channel: the lowest that leaves time for all remaining channels."""
        possible = range(self._coarseness, costs.COARSEST)
        found = next((each for each in possible if self._view.affords(self._painting(each))), costs.COARSEST)
        self._channels = max(1, self._channels - 1)
        return found

    def _painting(self, coarseness: int) -> float:
        return costs.painting(self._area, self._channels, self._factor, coarseness)


def _flattened(view: View, level: Ground) -> View:
    """The view with the variation of the ground subtracted."""
    guide = np.empty_like(view.guide)
    for c, plane in enumerate(cv2.split(view.guide)):
        view.check()
        guide[:, :, c] = cv2.subtract(plane, level.under(np.asarray(plane), steps=False), dtype=cv2.CV_8U)
    return replace(view, guide=guide, valid=view.valid & level.copied_from(guide))


def _on_ground(copies: Painter, level: Ground, view: View) -> Painter:
    """Paint the difference from the ground, channel by channel to save memory."""

    level = level.continued(copies)

    def paint(pixels: Pixels) -> None:
        for c in range(pixels.shape[2]):
            plane = np.ascontiguousarray(pixels[:, :, c])
            under, scale = level.under(plane), np.float32(full_scale(np.uint8) / full_scale(plane.dtype))
            texture = ((plane - under) * scale)[:, :, None]
            copies(texture)
            np.copyto(pixels[:, :, c], fitted(texture[:, :, 0] / scale + under, plane.dtype), where=view.hole)

    return paint
