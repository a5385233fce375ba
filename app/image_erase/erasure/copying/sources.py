"""The map from the pixels of a hole to the pixels that they copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from image_erase.erasure.arrays import I32, Index


@dataclass(frozen=True)
class SourceMap:
    """The source of each erased pixel: (ys, xs) in the hole, row by row, copies (sy, sx); all int32 (N,)."""

    ys: I32
    xs: I32
    sy: I32
    sx: I32

    @classmethod
    def of(cls, width: int, places: Index, sources: Index) -> SourceMap:
        """Build the map from flat indices of a picture of the given width."""
        ys, xs, sy, sx = (a.astype(np.int32) for a in (*np.divmod(places, width), *np.divmod(sources, width)))
        return cls(ys, xs, sy, sx)
