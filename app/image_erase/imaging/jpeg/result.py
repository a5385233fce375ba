"""The JPEG of an erased picture: spliced if possible, otherwise re-encoded, with its metadata."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.jpeg.paused import PausedTransform
from image_erase.imaging.jpeg.splice import CannotSplice, reencode, splice
from image_erase.imaging.metadata.jpeg import strip, with_metadata
from image_erase.imaging.metadata.policy import Policy
from image_erase.imaging.source import Source

_QUARTER_TURNS = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class JpegResult:
    """The file, and the reason why it was re-encoded, for the log; empty if only the hole changed."""

    data: bytes
    reencode_reason: str = ""


def jpeg_result(
    source: Source,
    filled: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    *,
    orientation: int,
    policy: Policy,
    part: tuple[slice, slice] | None = None,
    begun: PausedTransform | None = None,
) -> JpegResult:
    """Return the upright JPEG of `source` with its hole filled; arguments as for `splice`.

    If nothing is erased from an upright picture, its coded bytes are the source's own. Raises CannotSplice or BadJpeg
    for a source with an invalid header, whose tables cannot be used either, and if the whole picture must be
    re-encoded but only a part of it is given.
    """
    if orientation == 1 and not hole.any():
        return JpegResult(strip(source.segments, policy))
    reason = ""
    try:
        coded = splice(source, filled, hole, orientation=orientation, part=part, begun=begun)
    except CannotSplice as error:
        if part is not None:
            raise
        reason = str(error)
        coded = reencode(source, filled, orientation=orientation)
    return JpegResult(with_metadata(source.segments, coded, policy, transposed=orientation in _QUARTER_TURNS), reason)
