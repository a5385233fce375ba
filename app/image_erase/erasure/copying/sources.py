"""Which pixels a hole's pixels copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from image_erase.erasure.arrays import I32, Index


@dataclass(frozen=True)
class SourceMap:
    """Which pixel each erased pixel copies: (ys, xs) in the hole, row by row, from (sy, sx); all int32 (N,)."""

    ys: I32
    xs: I32
    sy: I32
    sx: I32

    @classmethod
    def of(cls, width: int, places: Index, sources: Index) -> SourceMap:
        """Build the map from flat pixel numbers of a picture of that width."""
        ys, xs, sy, sx = (a.astype(np.int32) for a in (*np.divmod(places, width), *np.divmod(sources, width)))
        return cls(ys, xs, sy, sx)
