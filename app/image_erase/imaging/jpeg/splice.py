"""Put the filled hole of a picture back into its JPEG, changing only the blocks that the hole touches."""

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.jpeg.blocks import BlockFiller, planes_of
from image_erase.imaging.jpeg.by_pillow import coded_by_pillow
from image_erase.imaging.jpeg.carrier import blank
from image_erase.imaging.jpeg.frame import DCT_FRAMES, ColourSpace, Frame, read_frame
from image_erase.imaging.jpeg.library import LibraryMissing
from image_erase.imaging.jpeg.markers import BadJpeg
from image_erase.imaging.jpeg.turbojpeg import Option, TransformFailed, Turn, transform
from image_erase.imaging.source import Source

_MOST_SCANS = 200
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


def splice(
    source: Source,
    filled: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    *,
    orientation: int,
    part: tuple[slice, slice] | None = None,
) -> bytes:
    """Return the upright JPEG of `source` with new coefficients in the blocks that `hole` touches, and only there.

    source: a JPEG. filled: its pixels as Pillow decodes them (H x W grey, H x W x 3 RGB, H x W x 4 CMYK in Pillow's
    polarity, 0 is no ink), upright, with the hole filled. hole: H x W, upright. orientation: of the EXIF tag, 1 to 8.
    part: the rows and columns in `filled`, which include all blocks that the hole touches; None for all.
    Quantisation tables, sampling, restart interval and progressive mode are the source's. Huffman tables are the
    standard ones, or optimised if the result would otherwise grow by over 3 %. The only metadata is JFIF and Adobe's
    colour marker, as libjpeg writes them.
    Raises CannotSplice if the picture cannot be turned losslessly, or is of a kind that is not supported.
    """
    _refuse_if({"an unknown orientation": orientation not in _UPRIGHT})
    frame = _frame_of(source)
    part = part or _whole(hole)
    _check_pixels(frame.upright(orientation in _TRANSPOSING), filled, hole, part)
    _refuse_if(
        {
            "progressive scans that leave bits out": not frame.complete,
            "too many scans": frame.scans > _MOST_SCANS,
        }
    )
    try:
        return _code(source.coded, frame, _filler(frame, filled, hole, orientation, part), orientation)
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


def _whole(hole: NDArray[np.bool_]) -> tuple[slice, slice]:
    return slice(0, hole.shape[0]), slice(0, hole.shape[1])


def _filler(
    frame: Frame, filled: NDArray[np.uint8], hole: NDArray[np.bool_], orientation: int, part: tuple[slice, slice]
) -> BlockFiller:
    planes = planes_of(frame, orientation in _TRANSPOSING)
    return BlockFiller(planes, filled, hole, (part[0].start, part[1].start))


def _code(source: bytes, frame: Frame, filler: BlockFiller, orientation: int) -> bytes:
    """Encode with the standard Huffman tables if they are good enough: optimising takes as long as everything else."""

    def coded(more: Option) -> bytes:
        options = Option.PERFECT | Option.COPY_NOTHING | more
        return transform(
            source, _UPRIGHT[orientation], options, frame.restart_interval, filler.edit, has_edits=filler.has_edits
        )

    if frame.progressive:
        return coded(Option.PROGRESSIVE | Option.OPTIMISE)
    result = coded(Option(0))
    return result if len(result) <= _GROWN * len(source) else coded(Option.OPTIMISE)


def _check_pixels(frame: Frame, filled: NDArray[np.uint8], hole: NDArray[np.bool_], part: tuple[slice, slice]) -> None:
    """Raise CannotSplice unless blocks of the upright frame can be computed from the arrays."""
    channels = filled.shape[2] if filled.ndim == 3 else 1
    _refuse_if(
        {
            "not a baseline or progressive DCT picture of 8 bits": frame.marker not in DCT_FRAMES
            or frame.precision != 8,
            "pixels of another size": hole.shape != (frame.height, frame.width)
            or filled.shape[:2] != tuple(each.stop - each.start for each in part),
            "pixels of another colour space": channels != _CHANNELS.get(frame.colours, 3),
            "sampling factors or tables this can't handle": not frame.regular,
        }
    )


def _refuse_if(reasons: dict[str, bool]) -> None:
    for reason, holds in reasons.items():
        if holds:
            raise CannotSplice(reason)
