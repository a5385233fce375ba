"""What every engine that fills holes is: a look at a region in, a painter of it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from image_erase.erasure.arrays import U8, Bool, Check, Pixels
from image_erase.erasure.regions import Region

Painter = Callable[[Pixels], None]
"""Fills a view's hole in place in any layer of it, HxWxC uint8 or uint16."""


@dataclass(frozen=True)
class View:
    """What an engine sees of a region.

    region: its box in the picture, and the pixels to fill. guide: HxWx3 uint8 BGR, what the box looks like; in the
    hole it shows a first guess at most. valid: HxW, the pixels that may be copied; never those of another region's
    hole. check: to be called every few milliseconds. affords: whether there is time for so many seconds of work, as
    predicted. channels: how many will be painted in all.
    """

    region: Region
    guide: U8
    valid: Bool
    check: Check
    affords: Callable[[float], bool]
    channels: int

    @property
    def hole(self) -> Bool:
        """HxW, the pixels to fill."""
        return self.region.hole


class Engine(Protocol):
    """A way of filling a region."""

    @property
    def name(self) -> str:
        """What the log calls it."""
        ...

    def painter(self, view: View) -> Painter | None:
        """Find out how to fill the view's hole; None where this engine cannot. Raises what the view's check raises."""
        ...
