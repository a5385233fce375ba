"""The engines that are compared, each as a function of a picture and a hole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from image_erase.erasure.eraser import Eraser, EraserOptions

Picture = NDArray[np.uint8]
Engine = Callable[[Picture, NDArray[np.bool_]], Picture]

OURS = ("opencv", "exemplar", "auto")
RIVAL = "pypatchmatch"


def engine(name: str) -> Engine:
    """The engine of that name for HxWx3 BGR and HxW bool. Raises ValueError for an unknown name, ImportError when
    pypatchmatch is not installed."""
    if name == RIVAL:
        return _pypatchmatch()
    if name not in OURS:
        raise ValueError(f"unknown engine {name}; there are {', '.join((*OURS, RIVAL))}")
    eraser = Eraser(EraserOptions(engine=cast(Literal["opencv", "exemplar", "auto"], name)))
    return lambda image, hole: eraser.erase(image, image, hole, time_left=lambda: 25.0).image.astype(np.uint8)


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
