"""Fill a hole in a picture by copying patches from the rest of it.

Other packages use only the names exported here.
"""

from image_erase.erasure.arrays import U8, Bool, Check, Pixels, no_check
from image_erase.erasure.copying.effort import BEST, EFFORTS, FAST, NORMAL, Effort, EffortName
from image_erase.erasure.copying.engine import Copying
from image_erase.erasure.copying.layout import Layout, Layouts
from image_erase.erasure.copying.seams import render
from image_erase.erasure.copying.solve import solve
from image_erase.erasure.copying.sources import SourceMap

__all__ = [
    "BEST",
    "EFFORTS",
    "FAST",
    "NORMAL",
    "Copying",
    "Effort",
    "EffortName",
    "Layout",
    "Layouts",
    "SourceMap",
    "fill",
    "render",
    "solve",
]


def fill(image: Pixels, guide: U8, hole: Bool, *, effort: Effort = NORMAL, check: Check = no_check) -> Pixels:
    """Erase `hole` (HxW, True = erase) from HxWxC `image` (uint8 or uint16, C 1..5).

    guide: HxWx3 uint8 BGR, the picture as it is displayed. Raises ValueError if the hole is the whole picture, and
    whatever `check` raises.
    """
    return render(image, hole, solve(guide, hole, effort=effort, check=check), check)
