"""Which chunks a result PNG gets from its source, be it a PNG or another format's file."""

import struct
import zlib
from collections.abc import Iterator

from image_erase.imaging.metadata.blocks import metadata_blocks
from image_erase.imaging.metadata.exif import PREFIX, cleaned_exif
from image_erase.imaging.metadata.markup import Allowance
from image_erase.imaging.metadata.policy import Policy, cleaned
from image_erase.imaging.metadata.previews import holds_picture
from image_erase.imaging.metadata.xmp import cleaned_xmp
from image_erase.imaging.png import chunks as png
from image_erase.imaging.png.text import MAX_INFLATED_BYTES, Inflation, read_text
from image_erase.imaging.source import Source

Pair = tuple[bytes, bytes]

# What the colours and the size on paper need: PNG specification, third edition, 11.3.2 and 11.3.4.3.
_COLOUR = frozenset({b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI", b"pHYs"})
_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_XMP = b"XML:com.adobe.xmp"
# ImageMagick's and exiftool's habit of hiding whole metadata blocks, thumbnails and all, in text.
_RAW_PROFILE = b"Raw profile type "
_METRES_PER_INCH = 0.0254


def metadata_chunks(source: Source, policy: Policy, transposed: bool) -> list[bytes]:
    """The chunks that go into the result of a file, ready to be written behind IHDR.

    transposed: the result is the source turned by a quarter, so its density and its sizes change places.
    """
    found = _of_png(source, policy, transposed) if source.format == "PNG" else _of_others(source, policy, transposed)
    return [png.chunk(*pair) for pair in found]


def profile_of(profile: bytes) -> Pair:
    """Kind and data of the chunk that carries an ICC profile."""
    return b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)


def _of_png(source: Source, policy: Policy, transposed: bool) -> Iterator[Pair]:
    inflation, allowance = Inflation(), Allowance()
    for chunk in source.chunks:
        if chunk.kind == b"pHYs" and transposed:
            yield chunk.kind, chunk.data[4:8] + chunk.data[:4] + chunk.data[8:]
        elif chunk.kind in _COLOUR:
            yield chunk.kind, chunk.data
        elif policy is Policy.ALL:
            yield from _described(chunk.kind, chunk.data, transposed, inflation, allowance)


def _described(kind: bytes, data: bytes, transposed: bool, inflation: Inflation, allowance: Allowance) -> list[Pair]:
    """What policy `all` keeps of a chunk beyond the colours."""
    if kind == b"eXIf":
        return _exif(data, transposed)
    if kind in _TEXT:
        return _text(kind, data, transposed, inflation, allowance)
    return [(kind, data)] if kind == b"tIME" else []


def _of_others(source: Source, policy: Policy, transposed: bool) -> Iterator[Pair]:
    blocks = metadata_blocks(source, policy, transposed=transposed)
    if blocks.icc and len(blocks.icc) <= MAX_INFLATED_BYTES:
        yield profile_of(blocks.icc)
    if source.density:
        x, y = (round(density / _METRES_PER_INCH) for density in source.density)
        yield b"pHYs", struct.pack(">IIB", x, y, 1)
    if blocks.exif:
        yield b"eXIf", blocks.exif
    if blocks.xmp:
        yield _xmp_chunk(blocks.xmp)


def _exif(data: bytes, transposed: bool) -> list[Pair]:
    """An eXIf chunk without previews and upright; none where the EXIF can't be read. Its prefix is JPEG's alone."""
    exif = cleaned(data.removeprefix(PREFIX), lambda block: cleaned_exif(block, transposed))
    return [(b"eXIf", exif)] if exif else []


def _text(kind: bytes, data: bytes, transposed: bool, inflation: Inflation, allowance: Allowance) -> list[Pair]:
    """A text chunk unless it holds a picture; none where it can't be read, or is too long to be looked through."""
    text = read_text(kind, data, inflation)
    if text is None or text.keyword.startswith(_RAW_PROFILE):
        return []
    if text.keyword == _XMP:
        return _xmp(text.text, transposed, allowance)
    return [] if holds_picture(text.text) else [(kind, data)]


def _xmp(packet: bytes, transposed: bool, allowance: Allowance) -> list[Pair]:
    kept = cleaned(packet, lambda block: cleaned_xmp(block, allowance, transposed)) if packet else None
    return [_xmp_chunk(kept)] if kept else []


def _xmp_chunk(packet: bytes) -> Pair:
    return b"iTXt", _XMP + b"\0\0\0\0\0" + packet
