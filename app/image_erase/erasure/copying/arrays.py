"""The types that the rooms of the exemplar eraser hand to each other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
Index = NDArray[np.intp]
Pixels = NDArray[Any]

Check = Callable[[], None]


def no_check() -> None:
    """The check of a caller who never interrupts."""


@dataclass(frozen=True)
class SourceMap:
    """Which pixel each erased pixel copies: (ys, xs) in the hole, row by row, from (sy, sx); all int32 (N,)."""

    ys: I32
    xs: I32
    sy: I32
    sx: I32

    @classmethod
    def of(cls, width: int, places: Index, sources: Index) -> "SourceMap":
        """The map between flat pixel numbers of a picture of that width."""
        ys, xs, sy, sx = (a.astype(np.int32) for a in (*np.divmod(places, width), *np.divmod(sources, width)))
        return cls(ys, xs, sy, sx)
