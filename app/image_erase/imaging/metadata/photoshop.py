"""Remove thumbnails from Photoshop's image resources, which also contain IPTC."""

from collections.abc import Iterator

from image_erase.imaging.metadata.previews import holds_picture

_SIGNATURES = (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR")
# Thumbnails, and EXIF and XMP blocks, which a JPEG has in segments of their own and which contain thumbnails here.
_GONE = frozenset({0x0409, 0x040C, 0x0422, 0x0423, 0x0424})
_FIXED = 4 + 2  # the signature and the number of the resource


def cleaned_resources(resources: bytes) -> bytes:
    """Return the resources without thumbnails, EXIF and XMP (Adobe, Photoshop File Formats, Image Resource Blocks).

    Resources with other numbers that contain a picture are removed as well. Each resource is a signature, a number, a
    name and data, the latter two padded to even length. Unreadable data is left out, because it may be the rest of a
    thumbnail.
    """
    return b"".join(raw for number, raw in _walk(resources) if number not in _GONE and not holds_picture(raw))


def _walk(resources: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while resources[at : at + 4] in _SIGNATURES and at + _FIXED < len(resources):
        number = int.from_bytes(resources[at + 4 : at + 6])
        name = 1 + resources[at + _FIXED]
        size_at = at + _FIXED + name + name % 2
        size = int.from_bytes(resources[size_at : size_at + 4])
        end = size_at + 4 + size
        if size_at + 4 > len(resources) or end > len(resources):
            return
        yield number, resources[at : end + size % 2]
        at = end + size % 2
