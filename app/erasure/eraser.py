"""What an engine is, and which engine fills which region."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.erasure import diffusion
from app.erasure.reduction import Pixels

EngineName = Literal["auto", "opencv"]


class FullHole(ValueError):
    """Everything is to be erased: nothing is left to fill from."""


@dataclass(frozen=True)
class EraserOptions:
    """engine: the operator's choice."""

    engine: EngineName = "auto"


@dataclass(frozen=True)
class Erased:
    """image: the filled picture. engines: the names of those that filled it, in order of first use."""

    image: Pixels
    engines: tuple[str, ...]


class Eraser:
    """Fills holes."""

    def __init__(self, options: EraserOptions) -> None:
        self._options = options

    def erase(
        self,
        image: Pixels,
        guide: NDArray[np.uint8],
        hole: NDArray[np.bool_],
        *,
        time_left: Callable[[], float],
    ) -> Erased:
        """Fill the hole of an image.

        image: HxWxC, uint8 or uint16, C from 1 to 5. guide: HxWx3 uint8 BGR, what the image looks like.
        hole: HxW bool, True where erased. time_left: seconds until the answer is of no use any more.
        Outside the hole the result equals the image; where the hole is empty it is the image. Raises FullHole.
        """
        if not hole.any():
            return Erased(image, ())
        if hole.all():
            raise FullHole
        return Erased(diffusion.fill(image, hole), ("opencv",))
