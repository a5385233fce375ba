"""One complete check: whether a file is an acceptable image, without decoding its pixels."""

from image_erase.imaging.decode import open_picture
from image_erase.imaging.header import SUFFIXES
from image_erase.jobs.job import ErasedFile
from image_erase.jobs.messages import Facts
from image_erase.jobs.options import JobOptions
from image_erase.jobs.request import JobRequest
from image_erase.jobs.stopwatch import Stopwatch


def check_file(image: bytes, options: JobOptions, request: JobRequest) -> ErasedFile:
    """Return the suffix of the image file's format and, as facts, the size of the upright picture; no data.

    Raises an ImagingFailure if the file is refused before its pixels are decoded, by its format, size or structure.
    """
    watch = Stopwatch()
    file = open_picture(
        image,
        request.max_side or options.max_side,
        formats=request.formats,
        min_side=request.min_side,
        max_pixels=request.max_pixels,
    )
    for stage in ("decode", "erase", "encode"):
        watch.stage(stage)
    width, height = file.size
    facts = Facts(
        **watch.milliseconds,
        engine=None,
        width=width,
        height=height,
        hole=0.0,
        effort=request.effort,
        seed=request.seed,
        reencode_reason=None,
        empty_mask=None,
        format_reasons=(),
    )
    return ErasedFile(SUFFIXES[file.source.format], b"", facts)
