"""One complete selection job: image and rough mask file in, mask file out."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging import failures
from image_erase.imaging.decode import decode_picture
from image_erase.imaging.encode import encode_picture
from image_erase.imaging.mask import decode_mask, grown
from image_erase.imaging.picture import Picture
from image_erase.jobs.job import ErasedFile
from image_erase.jobs.messages import Facts
from image_erase.jobs.options import JobOptions
from image_erase.jobs.request import JobRequest
from image_erase.jobs.stopwatch import Stopwatch
from image_erase.selecting.selector import NothingMarked, Selection, select

SECONDS = 1.0
"""Processor seconds for finding the object. With elapsed time, the answer would depend on the load of the machine."""

_UNDER_ALPHA = 128
"""Grey level of the background behind transparent pixels."""


def select_file(
    image: bytes, mask: bytes, options: JobOptions, request: JobRequest, *, time_left: Callable[[], float]
) -> ErasedFile:
    """Return the mask of the object that the mask file roughly marks in the image file, grown by request.dilate.

    It is an 8-bit grey PNG, 255 in the object and 0 elsewhere, as large as the upright picture. time_left: returns the
    seconds until the deadline. Raises an ImagingFailure if a file cannot be processed or nothing is marked.
    """
    watch = Stopwatch()
    max_side = request.max_side or options.max_side
    picture = decode_picture(
        image, max_side, formats=request.formats, min_side=request.min_side, max_pixels=request.max_pixels
    )
    rough = decode_mask(mask, picture, max_side, formats=request.formats, max_pixels=request.max_pixels).hole
    watch.stage("decode")
    selection = _selected(_shown(picture), rough, time_left)
    found = grown(selection.mask, request.dilate)
    watch.stage("erase")
    file = encode_picture(Picture(found[..., np.newaxis] * np.uint8(255), "L", "PNG"), options.jpeg_quality)
    watch.stage("encode")
    facts = Facts(
        **watch.milliseconds,
        engine="+".join(f"select-{kind}" for kind in selection.kinds),
        width=found.shape[1],
        height=found.shape[0],
        hole=round(float(found.mean()), 4),
        effort=request.effort,
        seed=request.seed,
        reencode_reason=None,
        empty_mask=None,
        format_reasons=(),
    )
    return ErasedFile("png", file, facts)


def _selected(shown: NDArray[np.uint8], rough: NDArray[np.bool_], time_left: Callable[[], float]) -> Selection:
    end = time.process_time() + SECONDS
    try:
        return select(shown, rough, lambda: min(time_left(), end - time.process_time()))
    except NothingMarked:
        raise failures.NothingMarked("mask", "The mask is all black, nothing is marked.") from None


def _shown(picture: Picture) -> NDArray[np.uint8]:
    """Return the picture composited over grey: HxWx3 BGR."""
    image, guide = picture.canvas()
    if not picture.has_alpha:
        return guide
    alpha = image[..., -1:] // (257 if image.dtype == np.uint16 else 1)
    mixed = guide.astype(np.uint16) * alpha + _UNDER_ALPHA * (255 - alpha.astype(np.uint16))
    return ((mixed + 127) // 255).astype(np.uint8)
