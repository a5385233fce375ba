"""The metadata of any source as separate blocks, for a result in another format."""

from dataclasses import dataclass

from image_erase.imaging.jpeg.markers import APP1
from image_erase.imaging.metadata.exif import PREFIX, cleaned_exif
from image_erase.imaging.metadata.markup import Allowance
from image_erase.imaging.metadata.policy import Policy, cleaned
from image_erase.imaging.metadata.xmp import cleaned_xmp
from image_erase.imaging.png.text import Inflation, read_text
from image_erase.imaging.source import Source

_XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_KEYWORD = b"XML:com.adobe.xmp"


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks of metadata. icc, exif (without JPEG's prefix), xmp: empty if there is none to keep."""

    icc: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""


def metadata_blocks(source: Source, policy: Policy, *, transposed: bool) -> Blocks:
    """Return the metadata of a source that a policy keeps.

    transposed: whether the result is rotated by 90 degrees, so that width and height are exchanged.
    """
    icc = source.icc_profile or b""
    if policy is not Policy.ALL:
        return Blocks(icc)
    exif, xmp = _exif(source).removeprefix(PREFIX), _xmp(source)
    return Blocks(
        icc,
        (exif and cleaned(exif, lambda block: cleaned_exif(block, transposed))) or b"",
        (xmp and cleaned(xmp, lambda block: cleaned_xmp(block, Allowance(), transposed))) or b"",
    )


def _exif(source: Source) -> bytes:
    return source.exif or next((chunk.data for chunk in source.chunks if chunk.kind == b"eXIf"), b"")


def _xmp(source: Source) -> bytes:
    if source.xmp:
        return source.xmp
    for each in source.segments:
        if each.marker == APP1 and each.payload.startswith(_XMP_SEGMENT):
            return each.payload.removeprefix(_XMP_SEGMENT)
    inflation = Inflation()
    for chunk in source.chunks:
        text = read_text(chunk.kind, chunk.data, inflation) if chunk.kind == b"iTXt" else None
        if text and text.keyword == _XMP_KEYWORD:
            return text.text
    return b""
