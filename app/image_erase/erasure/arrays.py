"""Types of the arrays and callbacks that are passed between the parts of the eraser."""

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
"""Flat indices of pixels."""

Pixels = NDArray[Any]
"""HxWxC in the picture's own bit depth, uint8 or uint16."""

Check = Callable[[], None]
"""Called every few milliseconds; raises to interrupt."""


Hurried = Callable[[], bool]
"""Returns whether time runs short, so that the search should stop and use what it has found."""


def no_check() -> None:
    """Do nothing: a Check that never interrupts."""


def never_hurried() -> bool:
    """Return False: a Hurried for which time never runs short."""
    return False


def full_scale(dtype: DTypeLike) -> float:
    """The value of white in pixels of that dtype; 255 for floating point."""
    return float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else 255.0


def fitted(values: F32, dtype: DTypeLike) -> Pixels:
    """Convert the values to pixels of that dtype: rounded and clipped, unchanged for floating point."""
    if not np.issubdtype(dtype, np.integer):
        return values
    return np.clip(np.rint(values), 0, full_scale(dtype)).astype(dtype)
