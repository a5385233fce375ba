"""What is asked of one job. No image library is loaded to say it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Effort = Literal["fast", "normal", "best"]

FORMATS = ("JPEG", "PNG", "BMP", "WEBP")


@dataclass(frozen=True)
class JobRequest:
    """effort: how much time the filling may take for how good a result.

    dilate: pixels by which the hole is grown. seed: of all that is random, 0 or more. formats: of the files
    accepted, out of FORMATS. min_side: the fewest pixels that a side of the image may have.
    """

    effort: Effort = "normal"
    dilate: int = 0
    seed: int = 0
    formats: tuple[str, ...] = FORMATS
    min_side: int = 1

    @classmethod
    def from_json(cls, named: Mapping[str, Any]) -> "JobRequest":
        """Return the request whose fields JSON has carried."""
        return cls(**{**named, "formats": tuple(named["formats"])})
