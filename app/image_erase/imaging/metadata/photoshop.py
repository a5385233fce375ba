"""Take the thumbnails out of Photoshop's image resources, where IPTC lives too."""

from collections.abc import Iterator

from image_erase.imaging.metadata.previews import holds_picture

_SIGNATURES = (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR")
# Thumbnails, and EXIF and XMP blocks, which have segments of their own in a JPEG and thumbnails in them here.
_GONE = frozenset({0x0409, 0x040C, 0x0422, 0x0423, 0x0424})
_FIXED = 4 + 2  # the signature and the number of the resource


def cleaned_resources(resources: bytes) -> bytes:
    """Give the resources without thumbnails, EXIF and XMP (Adobe, Photoshop File Formats, Image Resource Blocks).

    One that holds a picture under another number goes as well.
    Each is a signature, a number, a name and data, the latter two padded to even length. What can't be read is
    left out, since it may be the rest of a thumbnail.
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
