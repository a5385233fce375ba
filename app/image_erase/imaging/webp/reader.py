"""Read WebP files."""

from collections.abc import Iterator

from image_erase.imaging.limits import MAX_CHUNKS, refuse
from image_erase.imaging.metadata.exif import orientation_of
from image_erase.imaging.source import Source

# RFC 9649: the sizes of the file's header and of a chunk's, and the flags of VP8X for chunks that are left out.
_FILE_HEADER, _CHUNK_HEADER = 12, 8
_ICC, _EXIF, _XMP = 0x20, 0x08, 0x04
_STILL = frozenset({b"VP8 ", b"VP8L"})
_PIXELS = _STILL | {b"VP8X", b"ANIM", b"ANMF", b"ALPH"}


def read_webp(data: bytes) -> Source:
    """Read the chunks. Raises ValueError if one that the pixels need is truncated, and TooCostly.

    Of an animation only the first frame is kept.
    """
    found: dict[bytes, bytes] = {}
    for number, (kind, payload) in enumerate(_chunks(data)):
        refuse(number >= MAX_CHUNKS, "chunks")
        found.setdefault(kind, payload)
        if kind in _STILL and b"VP8X" not in found:
            break
    exif = found.get(b"EXIF", b"")
    return Source(
        "WEBP",
        _coded(found),
        lossy=b"VP8L" not in found,
        orientation=orientation_of(exif),
        icc_profile=found.get(b"ICCP") or None,
        exif=exif,
        xmp=found.get(b"XMP ", b""),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and payload of each chunk. Truncated chunks are left out unless the pixels need them."""
    at = _FILE_HEADER
    while at + _CHUNK_HEADER <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + _CHUNK_HEADER + size
        if end <= len(data):
            yield kind, data[at + _CHUNK_HEADER : end]
        elif kind in _PIXELS:
            raise ValueError("a chunk is cut off")
        at = end + size % 2


def _coded(found: dict[bytes, bytes]) -> bytes:
    """Return a file of only the chunks that the first picture needs."""
    flags = found.get(b"VP8X", b"")
    if flags:
        found = found | {b"VP8X": bytes((flags[0] & ~(_ICC | _EXIF | _XMP),)) + flags[1:]}
    body = b"".join(_chunk(kind, payload) for kind, payload in found.items() if kind in _PIXELS)
    return b"RIFF" + (4 + len(body)).to_bytes(4, "little") + b"WEBP" + body


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "little") + payload + bytes(len(payload) % 2)
