"""Put the filled hole of a picture back into its JPEG, changing only the blocks that the hole touches."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.jpeg.blocks import BlockFiller, planes_of
from image_erase.imaging.jpeg.by_pillow import coded_by_pillow
from image_erase.imaging.jpeg.carrier import blank
from image_erase.imaging.jpeg.frame import DCT_FRAMES, ColourSpace, Frame, read_frame
from image_erase.imaging.jpeg.library import LibraryMissing, complete
from image_erase.imaging.jpeg.markers import BadJpeg
from image_erase.imaging.jpeg.paused import PausedTransform
from image_erase.imaging.jpeg.turbojpeg import Option, Rewriting, TransformFailed, Turn, transform
from image_erase.imaging.source import Source

_MOST_SCANS = 200
# Coefficients of two bytes each that may be kept while the hole is filled: 64 megapixels in 4:2:0.
_MOST_SAMPLES_KEPT = 100_000_000
# Relative growth of a result from which Huffman tables are optimised for it.
_GROWN = 1.03
_CHANNELS = {ColourSpace.GREY: 1, ColourSpace.CMYK: 4, ColourSpace.YCCK: 4}
# EXIF 2.32, tag 274: what makes a picture stored with this orientation upright
_UPRIGHT = {
    1: Turn.NONE,
    2: Turn.MIRROR,
    3: Turn.HALF,
    4: Turn.FLIP,
    5: Turn.TRANSPOSE,
    6: Turn.RIGHT,
    7: Turn.TRANSVERSE,
    8: Turn.LEFT,
}
_TRANSPOSING = frozenset({5, 6, 7, 8})


class CannotSplice(ValueError):
    """The picture cannot be changed block by block; the message is the reason, for the log."""


def begin_splice(source: Source, orientation: int, part: tuple[slice, slice]) -> PausedTransform | None:
    """Read the coefficients of a JPEG for `splice`, and cut out a part of it, whose pixels can then be decoded.

    part: its rows and columns as stored, which begin at whole MCUs and end there or at the border. Returns None if that
    is not possible or takes too much memory, and for CMYK, of which only whole files are decoded.
    """
    try:
        frame = _frame_of(source)
        _require_splicing(frame, orientation)
        inks = _CHANNELS.get(frame.colours) == 4
        if inks or not complete() or frame.samples > _MOST_SAMPLES_KEPT:
            return None
        return PausedTransform(source.coded, _rewriting(frame, orientation), part)
    except (CannotSplice, LibraryMissing, TransformFailed, MemoryError):
        return None


def splice(
    source: Source,
    filled: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    *,
    orientation: int,
    part: tuple[slice, slice] | None = None,
    begun: PausedTransform | None = None,
) -> bytes:
    """Return the upright JPEG of `source` with new coefficients in the blocks that `hole` touches, and only there.

    source: a JPEG. filled: its pixels as Pillow decodes them (H x W grey, H x W x 3 RGB, H x W x 4 CMYK in Pillow's
    polarity, 0 is no ink), upright, with the hole filled. hole: H x W, upright. orientation: of the EXIF tag, 1 to 8.
    part: the rows and columns in `filled`, which include all blocks that the hole touches; None for all.
    begun: what begin_splice has returned.
    Quantisation tables, sampling, restart interval and progressive mode are the source's. Huffman tables are the
    standard ones, or optimised if the result would otherwise grow by over 3 %. The only metadata is JFIF and Adobe's
    colour marker, as libjpeg writes them.
    Raises CannotSplice if the picture cannot be turned losslessly, or is of a kind that is not supported.
    """
    frame = _frame_of(source)
    part = part or _whole(hole)
    _require_splicing(frame, orientation)
    _check_pixels(frame.upright(orientation in _TRANSPOSING), filled, hole, part)
    try:
        return _code(source.coded, frame, _filler(frame, filled, hole, orientation, part), orientation, begun)
    except (TransformFailed, LibraryMissing) as error:
        raise CannotSplice(str(error)) from error


def reencode(source: Source, filled: NDArray[np.uint8], *, orientation: int) -> bytes:
    """Encode `filled` (upright, as for `splice`) from its pixels, with the tables, sampling and mode of `source`.

    All blocks are new, so the loss is that of one more encoding. If libturbojpeg is missing or fails, Pillow encodes
    with the same tables and the nearest sampling that it supports. Raises CannotSplice for a source whose header
    cannot be used.
    """
    frame = _frame_of(source)
    upright = frame.upright(orientation in _TRANSPOSING)
    everywhere = np.ones(filled.shape[:2], dtype=np.bool_)
    part = _whole(everywhere)
    _check_pixels(upright, filled, everywhere, part)
    try:
        return _code(blank(upright), upright, _filler(upright, filled, everywhere, 1, part), 1)
    except (TransformFailed, LibraryMissing):
        return coded_by_pillow(upright, filled)


def _frame_of(source: Source) -> Frame:
    try:
        return read_frame(source.segments)
    except BadJpeg as error:
        raise CannotSplice(str(error)) from error


def _require_splicing(frame: Frame, orientation: int) -> None:
    """Raise CannotSplice unless single blocks of such a JPEG can be replaced."""
    _refuse_if(
        {
            "an unknown orientation": orientation not in _UPRIGHT,
            **_unusable(frame),
            "progressive scans that leave bits out": not frame.complete,
            "too many scans": frame.scans > _MOST_SCANS,
        }
    )


def _whole(hole: NDArray[np.bool_]) -> tuple[slice, slice]:
    return slice(0, hole.shape[0]), slice(0, hole.shape[1])


def _filler(
    frame: Frame, filled: NDArray[np.uint8], hole: NDArray[np.bool_], orientation: int, part: tuple[slice, slice]
) -> BlockFiller:
    planes = planes_of(frame, orientation in _TRANSPOSING)
    return BlockFiller(planes, filled, hole, (part[0].start, part[1].start))


def _code(
    source: bytes, frame: Frame, filler: BlockFiller, orientation: int, begun: PausedTransform | None = None
) -> bytes:
    """Encode with the standard Huffman tables if they are good enough: optimising takes as long as everything else."""
    how = _rewriting(frame, orientation)
    result = begun.finish(filler) if begun else transform(source, how, filler)
    if Option.OPTIMISE in how.options or len(result) <= _GROWN * len(source):
        return result
    return transform(source, replace(how, options=how.options | Option.OPTIMISE), filler)


def _rewriting(frame: Frame, orientation: int) -> Rewriting:
    options = Option.PERFECT | Option.COPY_NOTHING
    if frame.progressive:
        options |= Option.PROGRESSIVE | Option.OPTIMISE
    return Rewriting(_UPRIGHT[orientation], options, frame.restart_interval)


def _check_pixels(frame: Frame, filled: NDArray[np.uint8], hole: NDArray[np.bool_], part: tuple[slice, slice]) -> None:
    """Raise CannotSplice unless blocks of the upright frame can be computed from the arrays."""
    channels = filled.shape[2] if filled.ndim == 3 else 1
    _refuse_if(
        {
            **_unusable(frame),
            "pixels of another size": hole.shape != (frame.height, frame.width)
            or filled.shape[:2] != tuple(each.stop - each.start for each in part),
            "pixels of another colour space": channels != _CHANNELS.get(frame.colours, 3),
        }
    )


def _unusable(frame: Frame) -> dict[str, bool]:
    return {
        "not a baseline or progressive DCT picture of 8 bits": frame.marker not in DCT_FRAMES or frame.precision != 8,
        "sampling factors or tables this can't handle": not frame.regular,
    }


def _refuse_if(reasons: dict[str, bool]) -> None:
    for reason, holds in reasons.items():
        if holds:
            raise CannotSplice(reason)
