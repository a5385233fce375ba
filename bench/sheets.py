"""Contact sheets: the truth with the hole outlined, the layout, and each engine's result, side by side."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

OUTLINE = (0, 0, 255)


def write(path: pathlib.Path, truth: Picture, hole: NDArray[np.bool_], results: Mapping[str, Picture]) -> None:
    """Write a PNG with the truth and the results (all HxWx3 BGR), each under its name."""
    outlined = truth.copy()
    inner = cv2.erode(hole.astype(np.uint8), np.ones((3, 3), np.uint8))
    outlined[hole & (inner == 0)] = OUTLINE
    tiles = [_labelled("truth", outlined), *(_labelled(name, result) for name, result in results.items())]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.hstack(tiles))


def _labelled(name: str, picture: Picture) -> Picture:
    bar = np.full((28, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(bar, name, (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([bar, picture])
