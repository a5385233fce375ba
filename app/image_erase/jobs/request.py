"""The parameters of one job. This module loads no image library."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Task = Literal["erase", "select", "check"]
Effort = Literal["fast", "normal", "best"]
Metadata = Literal["colour", "all"]
#: The format of a result: that of the source if it can be written, JPEG for a JPEG and PNG for all else, or one format.
Output = Literal["same", "jpeg or png", "jpeg", "png", "webp"]

FORMATS = ("JPEG", "PNG", "BMP", "WEBP")


@dataclass(frozen=True)
class JobRequest:
    """effort: trade-off between time and quality.

    dilate: pixels by which the hole is grown. seed: of random numbers, 0 or more. formats: accepted file formats.
    min_side: smallest side of the image, in pixels. max_side, max_pixels: largest side and largest number of pixels;
    None for the worker's own limit, and for none. output: see Output. quality: 1 to 100, of lossy results; None for
    that of the source or, if that cannot be kept, the worker's own; if set, a JPEG is re-encoded as a whole. metadata:
    what results keep; None for the worker's own choice. task: erase what the mask paints, or select the object that
    it roughly marks, or check the image, without a mask. With `select`, `dilate` grows the mask found; the options of
    results apply to `erase` only. part: whether the changed part of the result is wanted as a file of its own, too.
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
    task: Task = "erase"
    part: bool = False

    @classmethod
    def from_json(cls, named: Mapping[str, Any]) -> "JobRequest":
        """Return the request with the fields of a JSON object."""
        return cls(**{**named, "formats": tuple(named["formats"])})
