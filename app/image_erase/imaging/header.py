"""Detect the format and the claimed size of a file from its first bytes, without decoding pixels."""

import re
import struct
from collections.abc import Sequence
from typing import Literal

Suffix = Literal["jpg", "png", "bmp", "webp", "tif", "gif", "avif", "heic"]

_SIGNATURES = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "BMP": (b"BM",),
}
#: The vendor's formats.
FORMATS = (*_SIGNATURES, "WEBP")
_MORE_SIGNATURES = {
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "GIF": (b"GIF87a", b"GIF89a"),
}
#: All formats that can be read.
ALL_FORMATS = (*FORMATS, *_MORE_SIGNATURES, "AVIF", "HEIC")
#: The suffix of a file's name by its format.
SUFFIXES: dict[str, Suffix] = {
    "JPEG": "jpg",
    "PNG": "png",
    "BMP": "bmp",
    "WEBP": "webp",
    "TIFF": "tif",
    "GIF": "gif",
    "AVIF": "avif",
    "HEIC": "heic",
}
# ISO/IEC 23000-22 and 23008-12: brands of image files; AVIF files name the general ones too.
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_MOST_BRANDS_BYTES = 256
_BITMAPCOREHEADER_BYTES = 12
# ITU-T T.81, B.1.1: a marker after any number of fill bytes; markers of frames, and markers without a length.
_JPEG_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
_JPEG_LAST = frozenset({0xD9, 0xDA})
_MOST_SEGMENTS = 1000


def format_of(data: bytes, formats: Sequence[str] = FORMATS) -> str | None:
    """Return the format by the file's signature; None if it is none of `formats`.

    formats: out of ALL_FORMATS.
    """
    found = _format_of(data)
    return found if found in formats else None


def _format_of(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _format_of_boxes(data)
    signatures = (_SIGNATURES | _MORE_SIGNATURES).items()
    return next((name for name, marks in signatures if data.startswith(marks)), None)


def _format_of_boxes(data: bytes) -> str | None:
    """Tell AVIF and HEIC apart by the brands in the first box."""
    end = min(int.from_bytes(data[:4]), _MOST_BRANDS_BYTES)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else None


def claimed_size(data: bytes, file_format: str) -> tuple[int, int] | None:
    """Return width and height in pixels according to the header.

    None if the header is too short or unusual, or for formats whose reader determines the size.
    """
    readers = {"JPEG": _jpeg_size, "PNG": _png_size, "BMP": _bmp_size, "WEBP": _webp_size, "GIF": _gif_size}
    try:
        return readers[file_format](data) if file_format in readers else None
    except (struct.error, IndexError):
        return None


def _gif_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    for _ in range(_MOST_SEGMENTS):
        found = _JPEG_MARKER.search(data, at)
        if found is None or data[found.start(1)] in _JPEG_LAST:
            return None
        at = found.end()
        if data[found.start(1)] in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 3)
            return width, height
        if data[found.start(1)] not in _JPEG_ALONE:
            at += int.from_bytes(data[at : at + 2])
    return None


def _png_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _bmp_size(data: bytes) -> tuple[int, int]:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    # BITMAPCOREHEADER has 16-bit sides; in all later headers a negative height means rows from the top.
    width, height = struct.unpack_from("<HH" if header_bytes == _BITMAPCOREHEADER_BYTES else "<ii", data, 18)
    return abs(width), abs(height)


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Return the size from any of the three kinds of first chunk (RFC 9649)."""
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return None
