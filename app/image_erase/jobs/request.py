"""What is asked of one job. No image library is loaded to say it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Effort = Literal["fast", "normal", "best"]
Metadata = Literal["colour", "all"]
#: The format of a result: that of the source if it can be written, JPEG for a JPEG and PNG for all else, or one format.
Output = Literal["same", "jpeg or png", "jpeg", "png", "webp"]

FORMATS = ("JPEG", "PNG", "BMP", "WEBP")


@dataclass(frozen=True)
class JobRequest:
    """effort: how much time the filling may take for how good a result.

    dilate: pixels by which the hole is grown. seed: of all that is random, 0 or more. formats: of the files
    accepted. min_side: the fewest pixels that a side of the image may have. max_side, max_pixels: the most that a side
    and the whole image may have; None for the worker's own limit, and for none. output: see Output. quality: 1 to 100,
    of a result that is encoded lossily; None for that of the source or, where that cannot be kept, the worker's own; if
    set, a JPEG is re-encoded as a whole. metadata: what results keep; None for the worker's own choice.
    """

    effort: Effort = "normal"
    dilate: int = 0
    seed: int = 0
    formats: tuple[str, ...] = FORMATS
    min_side: int = 1
    max_side: int | None = None
    max_pixels: int | None = None
    output: Output = "jpeg or png"
    quality: int | None = None
    metadata: Metadata | None = None

    @classmethod
    def from_json(cls, named: Mapping[str, Any]) -> "JobRequest":
        """Return the request whose fields JSON has carried."""
        return cls(**{**named, "formats": tuple(named["formats"])})
