"""The interface of engines: given the view of a region, they return its painter."""

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
    """The part of a picture that an engine gets to fill a region.

    region: its box in the picture, and the pixels to fill. guide: HxWx3 uint8 BGR, the contents of the box; the hole
    shows at most a first guess. valid: HxW, the pixels that may be copied; never those of another region's hole.
    check: to be called every few milliseconds. affords: returns whether there is time for work of that many predicted
    seconds. channels: how many will be painted in total.
    """

    region: Region
    guide: U8
    valid: Bool
    check: Check
    affords: Callable[[float], bool]
    channels: int

    @property
    def hole(self) -> Bool:
        """The pixels to fill, HxW."""
        return self.region.hole


class Engine(Protocol):
    """A way of filling a region."""

    @property
    def name(self) -> str:
        """Its name in the log."""
        ...

    def painter(self, view: View) -> Painter | None:
        """Prepare to fill the view's hole; None if this engine cannot. Raises what the view's check raises."""
        ...
