"""One complete job, as run by a worker: image and mask file in, result file out."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from image_erase.erasure.eraser import Eraser, EraserOptions
from image_erase.erasure.failures import NothingToFillFrom
from image_erase.imaging import failures
from image_erase.imaging.decode import open_picture
from image_erase.imaging.encode import Encoded, encode_picture, encode_result, keeps_blocks
from image_erase.imaging.mask import Mask, decode_mask, grown
from image_erase.imaging.metadata.policy import Policy
from image_erase.imaging.part import Part, part_of
from image_erase.imaging.picture import Hole, Picture, Pixels, Placed
from image_erase.jobs.allotment import left_for_erasing
from image_erase.jobs.messages import Facts, FormatReason, Place, Suffix
from image_erase.jobs.options import JobOptions
from image_erase.jobs.request import JobRequest
from image_erase.jobs.stopwatch import Stopwatch


@dataclass(frozen=True)
class ErasedFile:
    """A result. suffix: of its file name. data: the file. facts: about the job, for the log.

    part, place: the file of its changed part, empty if there is none, and where that belongs.
    """

    suffix: Suffix
    data: bytes
    facts: Facts
    part: bytes = b""
    place: Place | None = None


def make_eraser(options: JobOptions) -> Eraser:
    """Return the eraser that all jobs of a worker share.

    Raises ModelError, whose message names the setting, if a network is missing or unsuitable.
    """
    if options.engine in ("opencv", "exemplar"):
        return Eraser(EraserOptions(options.engine, options.working_side))
    from image_erase.jobs import networks  # noqa: PLC0415, takes as long as all formats, and is not needed by opencv

    own = networks.operators_network(options.network)
    if own and options.network.use == "fill":
        return Eraser(EraserOptions(options.engine, options.working_side), own)
    layouts = networks.layouts(options.layout, own)
    return Eraser(EraserOptions("auto", options.working_side), layouts=layouts)


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
    """Erase what is white in the mask file from the image file, with the options of the request.

    time_left: returns the seconds until the deadline. Raises an ImagingFailure if a file cannot be processed.
    """
    watch, start = Stopwatch(), time_left()
    max_side = request.max_side or options.max_side
    file = open_picture(
        image, max_side, formats=request.formats, min_side=request.min_side, max_pixels=request.max_pixels
    )
    wanted = _wanted(mask, file, options, request)
    hole, unsure = wanted.hole, wanted.half_covered
    unknown = hole | unsure if unsure.any() else hole
    splices = keeps_blocks(file.source.format, request.output, request.quality)
    with contextlib.ExitStack() as stack:
        picture = stack.enter_context(file.editing(eraser.reach(unknown), splices=splices))
        watch.stage("decode")
        # Data is freed as early as possible: each form of a large picture takes a hundred megabytes.
        canvas, picture = picture.canvas(), picture.without_pixels()
        erasing = left_for_erasing(time_left, start, canvas[0].nbytes)
        part = picture.part or np.s_[:, :]
        # What is as large as the picture is not kept while a part is filled.
        unknown, unsure = unknown[part].copy(), unsure[part].copy()
        del wanted
        shown = canvas[0][unsure]
        try:
            erased = eraser.erase(
                *canvas,
                unknown,
                alpha=picture.has_alpha,
                time_left=erasing,
                effort=request.effort,
                seed=request.seed,
            )
        except NothingToFillFrom:
            raise failures.NothingToFillFrom("mask", "The mask is all white, nothing is left to fill from.") from None
        if len(shown):
            erased.image[unsure] = shown
        del canvas, unknown
        watch.stage("erase")
        encoded = _encoded(picture, erased.image, hole, options, request)
        changed = part_of(picture, erased.image, hole, encoded) if request.part else None
        watch.stage("encode")
    return _file(encoded, _facts(watch, erased.engines, hole, request, encoded), changed)


def _encoded(picture: Picture, image: Pixels, hole: Hole, options: JobOptions, request: JobRequest) -> Encoded:
    return encode_result(
        picture,
        image,
        hole,
        policy=Policy(request.metadata or options.metadata),
        jpeg_quality=options.jpeg_quality,
        output=request.output,
        quality=request.quality,
    )


def _facts(watch: Stopwatch, engines: Sequence[str], hole: Hole, request: JobRequest, encoded: Encoded) -> Facts:
    return Facts(
        **watch.milliseconds,
        engine="+".join(engines) or None,
        width=hole.shape[1],
        height=hole.shape[0],
        hole=round(np.count_nonzero(hole) / hole.size, 4),
        effort=request.effort,
        seed=request.seed,
        reencode_reason=encoded.reencode_reason or None,
        empty_mask=not hole.any() or None,
        format_reasons=tuple(FormatReason(name) for name in encoded.format_reasons),
    )


def _file(encoded: Encoded, facts: Facts, changed: Part | None) -> ErasedFile:
    if changed is None:
        return ErasedFile(encoded.suffix, encoded.data, facts)
    return ErasedFile(encoded.suffix, encoded.data, facts, changed.data, _place(changed))


def _place(part: Part) -> Place:
    (rows, columns), (top, left) = part.box, part.start
    width, height = columns.stop - columns.start, rows.stop - rows.start
    return Place(part.suffix, int(columns.start), int(rows.start), int(width), int(height), int(left), int(top))


def _wanted(mask: bytes, picture: Placed, options: JobOptions, request: JobRequest) -> Mask:
    """Return the hole, and further pixels that must not be copied; none of these if no pixel would be left to copy.

    Raises NothingToFillFrom if the hole covers everything only because it has been grown.
    """
    max_side = request.max_side or options.max_side
    painted = decode_mask(mask, picture, max_side, formats=request.formats, max_pixels=request.max_pixels)
    radius = max(options.mask_dilate, request.dilate)
    hole = grown(painted.hole, radius) if radius else painted.hole
    if hole.all() and not painted.hole.all():
        raise failures.NothingToFillFrom(
            "mask",
            f"The mask, grown by {radius} pixels, covers the whole picture: nothing is left to fill from.",
        )
    if not painted.half_covered.any():
        # Zeros that were never written take no memory.
        return Mask(hole, painted.half_covered)
    half_covered = painted.half_covered & ~hole
    return Mask(hole, half_covered & ~(hole | half_covered).all())


def warm_up_files() -> tuple[bytes, bytes]:
    """Return a small image and mask for a first job, for which a worker loads everything that it needs."""
    ramp = np.arange(64, dtype=np.uint8)[:, np.newaxis]
    pixels = np.broadcast_to(ramp[..., np.newaxis], (64, 64, 3))
    spot = np.zeros((64, 64, 1), np.uint8)
    spot[24:40, 24:40] = 255
    image = encode_picture(Picture(np.ascontiguousarray(pixels), "RGB", "JPEG"), 90)
    return image, encode_picture(Picture(spot, "L", "PNG"), 90)
