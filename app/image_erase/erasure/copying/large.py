"""Fill a hole of many pixels: solve it on a reduced picture, then copy full-resolution blocks.

Every pixel of the reduced hole becomes a block of full-resolution pixels copied from one place. Blocks that copy
adjacent places continue each other exactly; the others are moved by a few pixels until they fit.
"""

from __future__ import annotations

import cv2
import numpy as np

from image_erase.erasure.arrays import U8, Bool, Check, Hurried, never_hurried
from image_erase.erasure.copying.alignment import align
from image_erase.erasure.copying.effort import Effort
from image_erase.erasure.copying.layout import Layouts
from image_erase.erasure.copying.patchwork import Patchwork
from image_erase.erasure.copying.solve import solve as solve_small
from image_erase.erasure.memory import while_there_is_memory
from image_erase.erasure.reduction import known_share, reduce_known


def solve(
    guide: U8,
    hole: Bool,
    valid: Bool,
    *,
    factor: int,
    layouts: Layouts | None = None,
    effort: Effort,
    check: Check,
    hurried: Hurried = never_hurried,
    aligned: bool = True,
) -> Patchwork | None:
    """Find what to copy into `hole` (HxW); None if no block of factor x factor pixels is completely known.

    guide: HxWx3 uint8 BGR, known outside the hole. valid: HxW, the pixels that may be copied. factor: how many times
    smaller the picture for the search is, at least 2. layouts: predicts what the hole hides. aligned: whether blocks
    are moved until they fit. `check` may raise to interrupt; once `hurried`, the search returns what it has found.
    """
    small, share = reduce_known(guide, hole, factor)
    small_hole = share < 1
    small_valid = known_share(valid, factor) == 1
    if not (small_valid & ~small_hole).any():
        return None
    sources = solve_small(
        small.astype(np.uint8),
        small_hole,
        valid=small_valid,
        layouts=layouts,
        effort=effort,
        check=check,
        hurried=hurried,
    )
    tops = np.zeros(small_hole.shape, np.int32)
    lefts = np.zeros(small_hole.shape, np.int32)
    tops[sources.ys, sources.xs] = sources.sy * factor
    lefts[sources.ys, sources.xs] = sources.sx * factor
    patchwork = Patchwork(hole, ~hole & valid, tops, lefts, factor)
    if aligned:
        # Blocks that fit less well are better than none.
        with while_there_is_memory():
            align(cv2.cvtColor(guide, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False), patchwork, check, hurried)
    return patchwork
