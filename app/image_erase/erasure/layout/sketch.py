"""What is asked of a network that lays out, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from image_erase.erasure.arrays import U8, Bool


@dataclass(frozen=True)
class Sketch:
    """What a network expects in a square. colours: SxSx3 BGR; confidence: SxS, 255 where it is sure."""

    colours: U8
    confidence: U8


class Sketcher(Protocol):
    """A network that sketches what a hole may hide."""

    side: int
    """Pixels of the sides of the largest squares that it sketches."""

    least: int
    """Pixels of the sides of the smallest."""

    def sketch(self, square: U8, hole: Bool) -> Sketch:
        """Sketch a square (SxSx3 BGR, S from `least` to `side`); what it shows in the hole (SxS) is ignored."""
        ...
