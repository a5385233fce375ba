"""The metadata chunks of a PNG result, from a source of any format."""

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

# Chunks that colours and the printed size depend on: PNG specification, third edition, 11.3.2 and 11.3.4.3.
_COLOUR = frozenset({b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI", b"pHYs"})
_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_XMP = b"XML:com.adobe.xmp"
# Names under which ImageMagick and exiftool store whole metadata blocks, with thumbnails, as text.
_RAW_PROFILE = b"Raw profile type "
_METRES_PER_INCH = 0.0254


def metadata_chunks(source: Source, policy: Policy, transposed: bool) -> list[bytes]:
    """Return the chunks of the result, to be written after IHDR.

    transposed: whether the result is rotated by 90 degrees, so that the two densities and sizes are exchanged.
    """
    found = _of_png(source, policy, transposed) if source.format == "PNG" else _of_others(source, policy, transposed)
    return [png.chunk(*pair) for pair in found]


def profile_of(profile: bytes) -> Pair:
    """Return kind and data of the chunk that contains an ICC profile."""
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
    """Return what policy `all` keeps of a chunk in addition."""
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
    """Return an upright eXIf chunk without previews; none if the EXIF is unreadable. Only JPEG has the prefix."""
    exif = cleaned(data.removeprefix(PREFIX), lambda block: cleaned_exif(block, transposed))
    return [(b"eXIf", exif)] if exif else []


def _text(kind: bytes, data: bytes, transposed: bool, inflation: Inflation, allowance: Allowance) -> list[Pair]:
    """Return a text chunk; none if it contains a picture, is unreadable or too long to be searched."""
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
