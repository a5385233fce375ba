"""The interface of networks that predict layouts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from image_erase.erasure.arrays import U8, Bool


@dataclass(frozen=True)
class Sketch:
    """A network's prediction for a square. colours: SxSx3 BGR; confidence: SxS, 0..255."""

    colours: U8
    confidence: U8


class Sketcher(Protocol):
    """A network that predicts what a hole hides."""

    side: int
    """Side in pixels of the largest square that it takes."""

    least: int
    """Side in pixels of the smallest."""

    def sketch(self, square: U8, hole: Bool) -> Sketch:
        """Predict the layout of a square (SxSx3 BGR, `least` <= S <= `side`), ignoring its pixels in the hole (SxS)."""
        ...
