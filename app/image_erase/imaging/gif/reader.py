"""Read the first frame of GIF files."""

from image_erase.imaging.limits import MAX_CHUNKS, refuse
from image_erase.imaging.source import Source

# GIF89a: the header with the logical screen, flags of a colour table, and the introducers of blocks.
_HEADER, _FLAGS_AT, _HAS_TABLE, _TABLE_SIZE = 13, 10, 0x80, 0x07
_EXTENSION, _IMAGE, _GRAPHIC_CONTROL = 0x21, 0x2C, 0xF9


def read_gif(data: bytes) -> Source:
    """Read the blocks before the first image. Raises ValueError if there is no image, and TooCostly.

    Only the last graphic control extension is kept, which defines the transparent colour.
    """
    flags = data[_FLAGS_AT]
    at = start = _HEADER + (3 << (flags & _TABLE_SIZE) + 1 if flags & _HAS_TABLE else 0)
    control = b""
    blocks = 0
    while data[at] == _EXTENSION:
        end, blocks = _end_of(data, at + 2, blocks)
        if data[at + 1] == _GRAPHIC_CONTROL:
            control = data[at:end]
        at = end
    if data[at] != _IMAGE:
        raise ValueError("there is no image")
    return Source("GIF", data[:start] + control + data[at:])


def _end_of(data: bytes, at: int, blocks: int) -> tuple[int, int]:
    """Return the end of a chain of sub-blocks, and the number of blocks so far."""
    while size := data[at]:
        at += 1 + size
        blocks += 1
        refuse(blocks > MAX_CHUNKS, "blocks")
    return at + 1, blocks + 1
