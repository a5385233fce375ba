"""The engines that are compared, each as a function of a picture and a hole."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from image_erase.erasure.arrays import no_check
from image_erase.erasure.eraser import Eraser, EraserOptions
from image_erase.erasure.layout import LayoutEngine, LayoutNetwork

Picture = NDArray[np.uint8]
Engine = Callable[[Picture, NDArray[np.bool_]], Picture]

PATCHES = "patches"
OURS = ("opencv", "exemplar", PATCHES, "auto")
RIVAL = "pypatchmatch"


def engine(name: str) -> Engine:
    """The engine of that name for HxWx3 BGR and HxW bool. Raises ValueError for an unknown name, ImportError when
    pypatchmatch is not installed."""
    if name == RIVAL:
        return _pypatchmatch()
    if name not in OURS:
        raise ValueError(f"unknown engine {name}; there are {', '.join((*OURS, RIVAL))}")
    known = cast(Literal["opencv", "exemplar", "auto"], "auto" if name == PATCHES else name)
    eraser = Eraser(EraserOptions(engine=known), layouts=layouts() if name == "auto" else None)
    return lambda image, hole: eraser.erase(image, image, hole, time_left=lambda: 25.0).image.astype(np.uint8)


@functools.cache
def layouts() -> LayoutEngine:
    """The package's layout network, loaded once."""
    return LayoutEngine(LayoutNetwork())


def layout(image: Picture, hole: NDArray[np.bool_]) -> Picture:
    """The picture (HxWx3 BGR) with the layout in its hole; grey where there is none."""
    found = layouts().lay_out(image, hole, ~hole, no_check)
    shown = image.copy()
    shown[hole] = 128
    if found:
        np.copyto(shown, found.colours, where=(hole & (found.trust > 0))[:, :, None])
    return shown


def _pypatchmatch() -> Engine:
    """PyPatchMatch 2, the C++ PatchMatch inpainting that is in wide use, with a patch size of 5."""
    if "patchmatch" not in sys.modules:
        import patchmatch  # noqa: F401
    from patchmatch import patch_match

    module: Any = patch_match

    def fill(image: Picture, hole: NDArray[np.bool_]) -> Picture:
        rgb = np.ascontiguousarray(image[:, :, ::-1])
        filled = module.inpaint(rgb, hole[:, :, None].astype(np.uint8) * 255, patch_size=5)
        return np.ascontiguousarray(filled[:, :, ::-1])

    return fill
