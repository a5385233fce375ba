"""What the first bytes of a file say: its format and the size it claims. No pixel is decoded here."""

import re
import struct

_SIGNATURES = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "BMP": (b"BM",),
}
FORMATS = (*_SIGNATURES, "WEBP")
_BITMAPCOREHEADER_BYTES = 12
# ITU-T T.81, B.1.1: a marker behind any number of fill bytes; those of frames, and those without a length.
_JPEG_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
_JPEG_LAST = frozenset({0xD9, 0xDA})
_MOST_SEGMENTS = 1000


def format_of(data: bytes) -> str | None:
    """`JPEG`, `PNG`, `BMP` or `WEBP` by signature, whatever the file is called; None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return next((name for name, marks in _SIGNATURES.items() if data.startswith(marks)), None)


def claimed_size(data: bytes, file_format: str) -> tuple[int, int] | None:
    """Width and height in pixels that the header claims.

    None where the header is too short or odd to tell.
    """
    readers = {"JPEG": _jpeg_size, "PNG": _png_size, "BMP": _bmp_size, "WEBP": _webp_size}
    try:
        return readers[file_format](data)
    except (struct.error, IndexError):
        return None


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
    """Sides as RFC 9649 lays them out in each of the three kinds of first chunk."""
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
