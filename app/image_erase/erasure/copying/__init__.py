"""Fill a hole in a picture by copying patches from the rest of it."""

from .arrays import U8, Bool, Check, Pixels, SourceMap, no_check
from .effort import BEST, FAST, NORMAL, Effort
from .seams import render
from .solve import solve

__all__ = ["BEST", "FAST", "NORMAL", "Effort", "SourceMap", "fill", "render", "solve"]


def fill(image: Pixels, guide: U8, hole: Bool, *, effort: Effort = NORMAL, check: Check = no_check) -> Pixels:
    """Erase `hole` (HxW, True = erase) from HxWxC `image` (uint8 or uint16, C 1..5).

    guide is HxWx3 uint8 BGR, what the picture looks like. Raises ValueError when the hole is the whole picture, and
    whatever check raises.
    """
    return render(image, hole, solve(guide, hole, effort=effort, check=check), check)
