"""Which metadata of a JPEG a result keeps."""

from collections.abc import Iterator

from image_erase.imaging.jpeg.markers import (
    APP0,
    APP1,
    APP2,
    APP13,
    APP14,
    Segment,
    join,
    segment,
    walk,
)
from image_erase.imaging.metadata.exif import cleaned_exif
from image_erase.imaging.metadata.photoshop import cleaned_resources
from image_erase.imaging.metadata.policy import Policy
from image_erase.imaging.metadata.xmp import cleaned_xmp

_JFIF, _JFIF_FIXED = b"JFIF\0", 14
_EXIF, _ICC, _ADOBE, _PHOTOSHOP = b"Exif\0", b"ICC_PROFILE\0", b"Adobe", b"Photoshop 3.0\0"
_XMP, _XMP_EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
# JFXX holds a thumbnail, FPXR (FlashPix) previews, MPF an index of pictures that go; an XMP extension is too long
# for one segment, which depth maps and unedited originals are.
_PREVIEWS = ((APP0, b"JFXX\0"), (APP2, b"FPXR\0"), (APP2, b"MPF\0"), (APP1, _XMP_EXTENSION))
_JPEG_START = b"\xff\xd8\xff"


def strip(source: bytes, policy: Policy) -> bytes:
    """Give the same picture, coded bytes untouched, with the metadata `policy` keeps; for an upright source.

    What follows the first picture goes. Raises BadJpeg where the segments make no sense.
    """
    parts = list(walk(source))
    return join([*_kept(parts, policy, False), *(each for each in parts if not each.is_metadata)])


def with_metadata(source: bytes, result: bytes, policy: Policy, *, transposed: bool = False) -> bytes:
    """Give `result`, a JPEG of the same colour space as `source`, with the metadata of `source` that `policy` keeps.

    transposed: the result is the source turned by a quarter, so its density and its sizes change places.
    Raises BadJpeg where the segments make no sense.
    """
    coded = (each for each in walk(result) if not each.is_metadata)
    return join([*_kept(list(walk(source)), policy, transposed), *coded])


def _kept(segments: list[Segment], policy: Policy, transposed: bool) -> Iterator[Segment]:
    for each in segments:
        if not each.is_metadata:
            continue
        payload = _colour(each, transposed)
        if payload is None and policy is Policy.ALL:
            payload = _described(each, transposed)
        if payload is not None:
            yield segment(each.marker, payload)


def _colour(each: Segment, transposed: bool) -> bytes | None:
    """Give the payload that policy `colour` keeps, or None."""
    if each.marker == APP0 and each.payload.startswith(_JFIF) and len(each.payload) >= _JFIF_FIXED:
        return _without_thumbnail(each.payload, transposed)
    if (each.marker, True) in ((APP2, each.payload.startswith(_ICC)), (APP14, each.payload.startswith(_ADOBE))):
        return each.payload
    return None


def _without_thumbnail(jfif: bytes, transposed: bool) -> bytes:
    across, down = jfif[8:10], jfif[10:12]
    return jfif[:8] + (down + across if transposed else across + down) + b"\0\0"


def _described(each: Segment, transposed: bool) -> bytes | None:
    """Give the payload that policy `all` keeps beyond the colours, without previews, or None."""
    if any(each.marker == marker and each.payload.startswith(name) for marker, name in _PREVIEWS):
        return None
    if each.marker == APP0 and each.payload.startswith(_JFIF):
        return None
    if each.marker == APP1 and each.payload.startswith(_EXIF):
        return cleaned_exif(each.payload, transposed)
    if each.marker == APP1 and each.payload.startswith(_XMP):
        return _XMP + cleaned_xmp(each.payload[len(_XMP) :])
    if each.marker == APP13 and each.payload.startswith(_PHOTOSHOP):
        return _PHOTOSHOP + cleaned_resources(each.payload[len(_PHOTOSHOP) :])
    return None if _JPEG_START in each.payload else each.payload
