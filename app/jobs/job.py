"""The whole of one job: image file and mask file in, result file out. What a worker runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.erasure.eraser import EngineName, Eraser, EraserOptions, FullHole
from app.imaging.decode import decode_picture
from app.imaging.encode import encode_picture
from app.imaging.failures import NothingToFillFrom
from app.imaging.mask import decode_hole, grown
from app.imaging.picture import Hole, Picture
from app.jobs.request import JobRequest


@dataclass(frozen=True)
class JobOptions:
    """What is the same for every job of a worker. Sides in pixels, quality 1 to 100."""

    max_side: int
    jpeg_quality: int
    engine: EngineName


@dataclass(frozen=True)
class ErasedFile:
    """suffix: `jpg` or `png`. data: the file. facts: what the log may say of the job."""

    suffix: str
    data: bytes
    facts: dict[str, Any]


class _Stopwatch:
    """Milliseconds spent in each stage."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self._since = time.perf_counter()

    def stage(self, name: str) -> None:
        now = time.perf_counter()
        self.facts[f"{name}_ms"] = round((now - self._since) * 1000, 1)
        self._since = now


def make_eraser(options: JobOptions) -> Eraser:
    """The eraser that all jobs of a worker share."""
    return Eraser(EraserOptions(options.engine))


_PLAIN = JobRequest()


def erase_file(
    image: bytes,
    mask: bytes,
    options: JobOptions,
    eraser: Eraser,
    request: JobRequest = _PLAIN,
    *,
    time_left: Callable[[], float],
) -> ErasedFile:
    """Erase from the image file what the mask file paints white, as the request wants it.

    time_left: seconds until nobody waits any more. Raises an ImagingFailure where a file can't be worked with.
    """
    watch = _Stopwatch()
    picture = decode_picture(image, options.max_side, formats=request.formats, min_side=request.min_side)
    hole = _hole(mask, picture, options, request)
    watch.stage("decode")
    # The engine has one effort and draws nothing by lot, so effort and seed have nothing to say to it yet.
    try:
        erased = eraser.erase(picture.pixels, picture.guide(), hole, time_left=time_left)
    except FullHole:
        raise NothingToFillFrom("mask", "The mask is all white, nothing is left to fill from.") from None
    watch.stage("erase")
    suffix, data = encode_picture(picture.with_pixels(erased.image), options.jpeg_quality)
    watch.stage("encode")
    facts = watch.facts | {"engine": "+".join(erased.engines) or None, "width": picture.size[0]}
    facts |= {"effort": request.effort, "seed": request.seed}
    return ErasedFile(suffix, data, facts | {"height": picture.size[1], "hole": round(float(hole.mean()), 4)})


def _hole(mask: bytes, picture: Picture, options: JobOptions, request: JobRequest) -> Hole:
    """What is to be erased. Raises NothingToFillFrom where it is everything only because it has been grown."""
    painted = decode_hole(mask, picture, options.max_side, formats=request.formats)
    if not request.dilate:
        return painted
    hole = grown(painted, request.dilate)
    if hole.all() and not painted.all():
        raise NothingToFillFrom(
            "mask",
            f"The mask, grown by {request.dilate} pixels, covers the whole picture: nothing is left to fill from.",
        )
    return hole


def warm_up_files() -> tuple[bytes, bytes]:
    """A small image and mask: a first job that makes a worker load all it will need."""
    ramp = np.arange(64, dtype=np.uint8)[:, np.newaxis]
    pixels = np.broadcast_to(ramp[..., np.newaxis], (64, 64, 3))
    spot = np.zeros((64, 64, 1), np.uint8)
    spot[24:40, 24:40] = 255
    image = encode_picture(Picture(np.ascontiguousarray(pixels), "RGB", "JPEG"), 90)[1]
    return image, encode_picture(Picture(spot, "L", "PNG"), 90)[1]
