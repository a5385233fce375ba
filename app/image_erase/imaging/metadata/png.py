"""Which chunks a result PNG gets from its source, be it a PNG or another format's file."""

import struct
import zlib
from collections.abc import Iterator

from image_erase.imaging.metadata.exif import PREFIX, cleaned_exif
from image_erase.imaging.metadata.policy import Policy, cleaned
from image_erase.imaging.metadata.previews import holds_picture
from image_erase.imaging.metadata.xmp import cleaned_xmp
from image_erase.imaging.picture import Picture
from image_erase.imaging.png import chunks as png
from image_erase.imaging.png.text import Inflation, read_text

Pair = tuple[bytes, bytes]

# What the colours and the size on paper need: PNG specification, third edition, 11.3.2 and 11.3.4.3.
_COLOUR = frozenset({b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI", b"pHYs"})
_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_XMP = b"XML:com.adobe.xmp"
# ImageMagick's and exiftool's habit of hiding whole metadata blocks, thumbnails and all, in text.
_RAW_PROFILE = b"Raw profile type "
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
    inflation = Inflation()
    for kind, view in png.chunks(source):
        data = bytes(view)
        if kind == b"pHYs" and picture.quarter_turned:
            yield kind, data[4:8] + data[:4] + data[8:]
        elif kind in _COLOUR:
            yield kind, data
        elif policy is Policy.ALL:
            yield from _described(kind, data, picture.quarter_turned, inflation)


def _described(kind: bytes, data: bytes, transposed: bool, inflation: Inflation) -> list[Pair]:
    """What policy `all` keeps of a chunk beyond the colours."""
    if kind == b"eXIf":
        return _exif(data, transposed)
    if kind in _TEXT:
        return _text(kind, data, transposed, inflation)
    return [(kind, data)] if kind == b"tIME" else []


def _of_others(picture: Picture, policy: Policy) -> Iterator[Pair]:
    if picture.icc_profile:
        yield profile_of(picture.icc_profile)
    if picture.density:
        x, y = (round(density / _METRES_PER_INCH) for density in picture.density)
        yield b"pHYs", struct.pack(">IIB", x, y, 1)
    if policy is Policy.ALL:
        yield from _exif(picture.exif, picture.quarter_turned)
        yield from _xmp(picture.xmp, picture.quarter_turned)


def _exif(data: bytes, transposed: bool) -> list[Pair]:
    """An eXIf chunk without previews and upright; none where the EXIF can't be read. Its prefix is JPEG's alone."""
    exif = cleaned(data.removeprefix(PREFIX), lambda block: cleaned_exif(block, transposed))
    return [(b"eXIf", exif)] if exif else []


def _text(kind: bytes, data: bytes, transposed: bool, inflation: Inflation) -> list[Pair]:
    """A text chunk unless it holds a picture; none where it can't be read, or is too long to be looked through."""
    text = read_text(kind, data, inflation)
    if text is None or text.keyword.startswith(_RAW_PROFILE):
        return []
    if text.keyword == _XMP:
        return _xmp(text.text, transposed)
    return [] if holds_picture(text.text) else [(kind, data)]


def _xmp(packet: bytes, transposed: bool) -> list[Pair]:
    kept = cleaned(packet, lambda block: cleaned_xmp(block, transposed)) if packet else None
    return [(b"iTXt", _XMP + b"\0\0\0\0\0" + kept)] if kept else []
