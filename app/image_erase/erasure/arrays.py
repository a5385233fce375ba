"""The arrays that the parts of the eraser hand to each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
F32 = NDArray[np.float32]
I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
Index = NDArray[np.intp]
"""Flat numbers of pixels."""

Pixels = NDArray[Any]
"""HxWxC of a picture's own depth, uint8 or uint16."""

Check = Callable[[], None]
"""Called every few milliseconds; raises to interrupt."""


Hurried = Callable[[], bool]
"""Whether to settle for what has been found so far, because time runs short."""


def no_check() -> None:
    """Never interrupt."""


def never_hurried() -> bool:
    """Whether time runs short: it does not."""
    return False


def full_scale(dtype: DTypeLike) -> float:
    """White in pixels of that type; in floating point it is 255."""
    return float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else 255.0


def fitted(values: F32, dtype: DTypeLike) -> Pixels:
    """The values as pixels of that type: rounded and clipped, but in floating point as they are."""
    if not np.issubdtype(dtype, np.integer):
        return values
    return np.clip(np.rint(values), 0, full_scale(dtype)).astype(dtype)
