"""Write TIFF files of one page in deflated strips (TIFF 6.0 and Adobe's technical notes of 2002)."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from image_erase.imaging.metadata.blocks import Blocks
from image_erase.imaging.picture import Picture, Pixels

_STRIP_BYTES = 1 << 20
_DEFLATE_LEVEL = 1
_BYTE, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 1, 3, 4, 5, 7
_CODES = {_SHORT: "H", _LONG: "I"}
_DEFLATE, _HORIZONTAL_DIFFERENCES, _UNASSOCIATED_ALPHA, _INCH = 8, 2, 2, 2
_PHOTOMETRIC = {"L": 1, "LA": 1, "RGB": 2, "RGBA": 2, "CMYK": 5}
_USUAL_DENSITY = (72.0, 72.0)

Tag = tuple[int, int, int, bytes]


def encoded_tiff(picture: Picture, blocks: Blocks) -> bytes:
    """Encode a TIFF with the picture's depth, channels, profile and XMP, but without EXIF (its offsets are invalid)."""
    strips = [zlib.compress(each, _DEFLATE_LEVEL) for each in _strips(picture.pixels)]
    data = [strip + bytes(len(strip) % 2) for strip in strips]
    offsets = np.cumsum([8, *map(len, data)])
    tags = [*_layout(picture), *_metadata(picture, blocks)]
    tags += [_numbers(273, _LONG, *map(int, offsets[:-1])), _numbers(279, _LONG, *map(len, strips))]
    return struct.pack("<2sHI", b"II", 42, int(offsets[-1])) + b"".join(data) + _directory(tags, int(offsets[-1]))


def _rows(pixels: Pixels) -> int:
    return max(1, _STRIP_BYTES // pixels[:1].nbytes)


def _strips(pixels: Pixels) -> Iterator[bytes]:
    """Yield the samples of some rows at a time, as differences from the sample to the left."""
    rows = _rows(pixels)
    for top in range(0, len(pixels), rows):
        strip = pixels[top : top + rows].astype(pixels.dtype.newbyteorder("<"), order="C")
        strip[:, 1:] -= pixels[top : top + rows, :-1]
        yield strip.tobytes()


def _layout(picture: Picture) -> list[Tag]:
    height, width, channels = picture.pixels.shape
    tags = [
        _numbers(256, _LONG, width),
        _numbers(257, _LONG, height),
        _numbers(258, _SHORT, *([picture.pixels.dtype.itemsize * 8] * channels)),
        _numbers(259, _SHORT, _DEFLATE),
        _numbers(262, _SHORT, _PHOTOMETRIC[picture.mode]),
        _numbers(277, _SHORT, channels),
        _numbers(278, _LONG, min(height, _rows(picture.pixels))),
        _numbers(284, _SHORT, 1),
        _numbers(317, _SHORT, _HORIZONTAL_DIFFERENCES),
    ]
    return tags + ([_numbers(338, _SHORT, _UNASSOCIATED_ALPHA)] if picture.has_alpha else [])


def _metadata(picture: Picture, blocks: Blocks) -> Iterator[Tag]:
    density = (picture.source and picture.source.density) or _USUAL_DENSITY
    for tag, dots in zip((282, 283), density, strict=True):
        yield tag, _RATIONAL, 1, struct.pack("<II", round(dots * 1000), 1000)
    yield _numbers(296, _SHORT, _INCH)
    if blocks.xmp:
        yield 700, _BYTE, len(blocks.xmp), blocks.xmp
    if blocks.icc:
        yield 34675, _UNDEFINED, len(blocks.icc), blocks.icc


def _numbers(tag: int, kind: int, *values: int) -> Tag:
    return tag, kind, len(values), struct.pack(f"<{len(values)}{_CODES[kind]}", *values)


def _directory(tags: list[Tag], at: int) -> bytes:
    """Return the only IFD, for that offset, followed by the values that do not fit into it."""
    entries, values = [], bytearray()
    after = at + 2 + 12 * len(tags) + 4
    for tag, kind, count, value in sorted(tags):
        place = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", after + len(values))
        if len(value) > 4:
            values += value + bytes(len(value) % 2)
        entries.append(struct.pack("<HHI", tag, kind, count) + place)
    return struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4) + bytes(values)
