"""Select and clean the metadata of a JPEG."""

from collections.abc import Iterator, Sequence

from image_erase.imaging.jpeg.markers import (
    APP0,
    APP1,
    APP2,
    APP10,
    APP11,
    APP13,
    APP14,
    Segment,
    join,
    segment,
    split_at_scans,
)
from image_erase.imaging.metadata.exif import cleaned_exif
from image_erase.imaging.metadata.markup import Allowance
from image_erase.imaging.metadata.photoshop import cleaned_resources
from image_erase.imaging.metadata.policy import Policy, cleaned
from image_erase.imaging.metadata.previews import holds_picture
from image_erase.imaging.metadata.xmp import cleaned_xmp

_JFIF, _JFIF_FIXED = b"JFIF\0", 14
_EXIF, _ICC, _ADOBE, _PHOTOSHOP = b"Exif\0", b"ICC_PROFILE\0", b"Adobe", b"Photoshop 3.0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
# Removed, because they contain pictures or refer to pictures after the first one: thumbnails (JFXX), previews
# (FlashPix), the index of a multi-picture file, the version of its gain map (ISO 21496-1), thermal images, the part of
# XMP that is too long for one segment, residual images and the manifests of the whole file (JUMBF), gain curves.
_GONE = (
    (APP0, b"JFXX\0"),
    (APP1, b"http://ns.adobe.com/xmp/extension/\0"),
    (APP1, b"FLIR\0"),
    (APP2, b"FPXR\0"),
    (APP2, b"MPF\0"),
    (APP2, b"urn:iso:std:iso:ts:21496"),
    (APP10, b"AROT\0"),
    (APP11, b""),
)


def strip(segments: Sequence[Segment], policy: Policy) -> bytes:
    """Return the picture of an upright source, coded bytes unchanged, with the metadata that `policy` keeps."""
    return join([*_kept(segments, policy, False), *(each for each in segments if not each.is_metadata)])


def with_metadata(segments: Sequence[Segment], result: bytes, policy: Policy, *, transposed: bool = False) -> bytes:
    """Return `result`, a JPEG in the source's colour space, with the source's metadata that `policy` keeps.

    segments: of the source. result: as an encoder wrote it, with all metadata before the first scan. transposed:
    whether it is rotated by 90 degrees, so that the two densities and sizes are exchanged. Raises BadJpeg if its
    segments are invalid.
    """
    head, scans = split_at_scans(result)
    kept = [*_kept(segments, policy, transposed), *(each for each in head if not each.is_metadata)]
    return b"".join((result[:2], *(each.raw for each in kept), scans))


def _kept(segments: Sequence[Segment], policy: Policy, transposed: bool) -> Iterator[Segment]:
    metadata = [each for each in segments if each.is_metadata]
    allowance = Allowance()
    previews = {each.marker for each in metadata if _is_unknown(each) and holds_picture(each.payload)}
    for each in metadata:
        payload = _colour(each, transposed)
        if payload is None and policy is Policy.ALL and not (each.marker in previews and _is_unknown(each)):
            payload = _described(each, transposed, allowance)
        if payload is not None:
            yield segment(each.marker, payload)


def _colour(each: Segment, transposed: bool) -> bytes | None:
    """Return the payload that policy `colour` keeps, or None."""
    if each.marker == APP0 and each.payload.startswith(_JFIF) and len(each.payload) >= _JFIF_FIXED:
        return _without_thumbnail(each.payload, transposed)
    if (each.marker, True) in ((APP2, each.payload.startswith(_ICC)), (APP14, each.payload.startswith(_ADOBE))):
        return each.payload
    return None


def _without_thumbnail(jfif: bytes, transposed: bool) -> bytes:
    across, down = jfif[8:10], jfif[10:12]
    return jfif[:8] + (down + across if transposed else across + down) + b"\0\0"


def _described(each: Segment, transposed: bool, allowance: Allowance) -> bytes | None:
    """Return the payload that policy `all` keeps in addition, without previews, or None."""
    if any(each.marker == marker and each.payload.startswith(name) for marker, name in _GONE):
        return None
    if each.marker == APP0 and each.payload.startswith(_JFIF):
        return None
    if each.marker == APP1 and each.payload.startswith(_EXIF):
        return cleaned(each.payload, lambda payload: cleaned_exif(payload, transposed))
    if each.marker == APP1 and each.payload.startswith(_XMP):
        packet = cleaned(each.payload[len(_XMP) :], lambda payload: cleaned_xmp(payload, allowance, transposed))
        return _XMP + packet if packet else None
    if each.marker == APP13 and each.payload.startswith(_PHOTOSHOP):
        resources = cleaned(each.payload[len(_PHOTOSHOP) :], cleaned_resources)
        return _PHOTOSHOP + resources if resources else None
    return each.payload


def _is_unknown(each: Segment) -> bool:
    """Whether the segment is none of those that are cleaned. A preview may span several of these."""
    known = ((APP0, _JFIF), (APP1, _EXIF), (APP1, _XMP), (APP2, _ICC), (APP13, _PHOTOSHOP), (APP14, _ADOBE))
    return not any(each.marker == marker and each.payload.startswith(name) for marker, name in known)
