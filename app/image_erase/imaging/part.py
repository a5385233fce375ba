"""Cut the part of a result in which it differs from its source."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from image_erase.imaging.area import extent_of
from image_erase.imaging.encode import Encoded, with_chunks
from image_erase.imaging.jpeg.frame import BLOCK, read_frame
from image_erase.imaging.jpeg.library import LibraryMissing
from image_erase.imaging.jpeg.markers import BadJpeg, read_segments
from image_erase.imaging.jpeg.turbojpeg import TransformFailed, crop
from image_erase.imaging.metadata.jpeg import with_metadata
from image_erase.imaging.metadata.png import metadata_chunks
from image_erase.imaging.metadata.policy import Policy
from image_erase.imaging.picture import Box, Hole, Picture, Pixels
from image_erase.imaging.png.indexed import indexed_png
from image_erase.imaging.png.writer import encoded_png
from image_erase.imaging.source import Source

PartSuffix = Literal["jpg", "png"]

# Share of the whole from which a part is not worth the client's work, in pixels and in bytes.
_WORTH = 0.7
# Pixels around changed blocks of a JPEG that also change: libjpeg interpolates chroma with 1, other decoders with more.
_REACH = 4


@dataclass(frozen=True)
class Part:
    """A part of a result. suffix: of a file name. data: a picture file with the metadata that affects colours.

    box: the rows and columns of the upright result that it replaces. start: the row and column at which these begin in
    the picture of `data`, which may extend beyond them on all sides.
    """

    suffix: PartSuffix
    data: bytes
    box: Box
    start: tuple[int, int] = (0, 0)


def part_of(picture: Picture, image: Pixels, hole: Hole, encoded: Encoded) -> Part | None:
    """Return the smallest rectangle that turns the source into its result; None if the whole result serves better.

    Put into the decoded source, it gives exactly the pixels of the decoded result. It is a PNG or, for the JPEG of a
    JPEG, a JPEG with the coefficients of the result. picture, image, hole: as for encode_result, and `encoded` what
    that has returned. There is none if anything outside the hole has changed too, or if it would not be much smaller.
    """
    if not encoded.only_hole or (picture.mode == "CMYK" and encoded.suffix != "jpg"):
        return None
    assert picture.source is not None
    box = extent_of(hole.view(np.uint8)) or np.s_[0:1, 0:1]
    try:
        if encoded.suffix == "jpg":
            part = _of_coefficients(picture.source, encoded.data, box)
        else:
            part = _of_pixels(picture, image, hole, box, encoded.indexed)
    except MemoryError:
        return None
    return part if part and len(part.data) <= _WORTH * len(encoded.data) else None


def _of_pixels(picture: Picture, image: Pixels, hole: Hole, box: Box, indexed: bool) -> Part | None:
    if _area(box) > _WORTH * hole.size:
        return None
    assert picture.source is not None
    top, left = (each.start for each in picture.part) if picture.part else (0, 0)
    rows, columns = box
    pixels = image[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    data = indexed_png(pixels, hole[box], picture.source.coded) if indexed else None
    chunks = metadata_chunks(picture.source, Policy.COLOUR, picture.quarter_turned)
    return Part("png", with_chunks(data or encoded_png(np.ascontiguousarray(pixels)), chunks), box)


def _of_coefficients(source: Source, result: bytes, box: Box) -> Part | None:
    """Cut MCUs out of a JPEG, with one more around the changed ones: at a border, decoders lack half of the chroma."""
    try:
        frame = read_frame(read_segments(result)[0])
        lengths, units = (frame.height, frame.width), (BLOCK * frame.most_down, BLOCK * frame.most_across)
        changed = [_outwards(*each) for each in zip(box, units, lengths, strict=True)]
        replaced = [_grown(each, _REACH, length) for each, length in zip(changed, lengths, strict=True)]
        cut = [_grown(*each) for each in zip(changed, units, lengths, strict=True)]
        if _area((cut[0], cut[1])) > _WORTH * frame.height * frame.width:
            return None
        data = with_metadata(source.segments, crop(result, cut[0], cut[1]), Policy.COLOUR)
    except (BadJpeg, TransformFailed, LibraryMissing):
        return None
    start = replaced[0].start - cut[0].start, replaced[1].start - cut[1].start
    return Part("jpg", data, (replaced[0], replaced[1]), start)


def _outwards(span: slice, unit: int, length: int) -> slice:
    return slice(span.start // unit * unit, min(-(-span.stop // unit) * unit, length))


def _grown(span: slice, by: int, length: int) -> slice:
    return slice(max(0, span.start - by), min(span.stop + by, length))


def _area(box: Box) -> int:
    return int((box[0].stop - box[0].start) * (box[1].stop - box[1].start))
