"""Which chunks a result PNG gets from its source, be it a PNG or another format's file."""

import struct
import zlib
from collections.abc import Iterator

from image_erase.imaging.metadata.exif import cleaned_exif
from image_erase.imaging.metadata.policy import Policy
from image_erase.imaging.metadata.xmp import cleaned_xmp
from image_erase.imaging.picture import Picture
from image_erase.imaging.png import chunks as png

Pair = tuple[bytes, bytes]

# What the colours and the size on paper need: PNG specification, third edition, 11.3.2 and 11.3.4.3.
_COLOUR = frozenset({b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI", b"pHYs"})
_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt", b"tIME"})
_XMP = b"XML:com.adobe.xmp\0"
# ImageMagick's and exiftool's habit of hiding whole metadata blocks, thumbnails and all, in text.
_RAW_PROFILE = b"Raw profile type "
_MOST_XMP_BYTES = 4 * 1024 * 1024
_EXIF_PREFIX = b"Exif\0\0"
_METRES_PER_INCH = 0.0254


def metadata_chunks(picture: Picture, source: bytes, policy: Policy) -> list[bytes]:
    """The chunks that go into the picture's result, ready to be written behind IHDR.

    source: the picture's file. Raises ValueError where it is a PNG whose chunks make no sense.
    """
    found = _of_png(source, picture, policy) if picture.format == "PNG" else _of_others(picture, policy)
    return [png.chunk(*pair) for pair in found]


def profile_of(profile: bytes) -> Pair:
    """Kind and data of the chunk that carries an ICC profile."""
    return b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)


def _of_png(source: bytes, picture: Picture, policy: Policy) -> Iterator[Pair]:
    for kind, view in png.chunks(source):
        data = bytes(view)
        if kind == b"pHYs" and picture.quarter_turned:
            yield kind, data[4:8] + data[:4] + data[8:]
        elif kind in _COLOUR:
            yield kind, data
        elif policy is Policy.ALL and kind == b"eXIf":
            yield from _exif(data, picture.quarter_turned)
        elif policy is Policy.ALL and kind in _TEXT:
            yield from _text(kind, data)


def _of_others(picture: Picture, policy: Policy) -> Iterator[Pair]:
    if picture.icc_profile:
        yield profile_of(picture.icc_profile)
    if picture.density:
        x, y = (round(density / _METRES_PER_INCH) for density in picture.density)
        yield b"pHYs", struct.pack(">IIB", x, y, 1)
    if policy is Policy.ALL:
        yield from _exif(picture.exif, picture.quarter_turned)
        yield from _xmp_chunk(picture.xmp)


def _exif(data: bytes, transposed: bool) -> list[Pair]:
    """An eXIf chunk without previews and upright; none where the EXIF can't be read. Its prefix is JPEG's alone."""
    cleaned = cleaned_exif(_EXIF_PREFIX + data.removeprefix(_EXIF_PREFIX), transposed) if data else None
    return [(b"eXIf", cleaned.removeprefix(_EXIF_PREFIX))] if cleaned else []


def _text(kind: bytes, data: bytes) -> list[Pair]:
    if data.startswith(_RAW_PROFILE):
        return []
    return _xmp_chunk(_xmp_packet(data)) if kind == b"iTXt" and data.startswith(_XMP) else [(kind, data)]


def _xmp_packet(data: bytes) -> bytes:
    """The packet in an iTXt chunk; none where it can't be read or is too large to be one."""
    compressed, _, rest = data[len(_XMP)], data[len(_XMP) + 1], data[len(_XMP) + 2 :]
    packet = rest.split(b"\0", 2)[-1]
    if not compressed:
        return packet
    try:
        return zlib.decompressobj().decompress(packet, _MOST_XMP_BYTES)
    except zlib.error:
        return b""


def _xmp_chunk(packet: bytes) -> list[Pair]:
    return [(b"iTXt", _XMP + b"\0\0\0\0" + cleaned_xmp(packet))] if packet else []
