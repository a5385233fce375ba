"""The chunks of a PNG file, as the PNG specification (third edition, §5) lays them out."""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = struct.Struct(">I4s")
_CRC = struct.Struct(">I")


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk with its length and checksum. kind: its four letters."""
    return b"".join((_HEAD.pack(len(data), kind), data, _CRC.pack(zlib.crc32(data, zlib.crc32(kind)))))


def chunks(png: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and data of each chunk up to and with IEND, without copying.

    Raises ValueError where the file ends before, or where a critical chunk's checksum is wrong.
    """
    view, at = memoryview(png), len(SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if at + _HEAD.size > len(png):
            raise ValueError("no IEND chunk")
        length, kind = _HEAD.unpack_from(view, at)
        end = at + _HEAD.size + length
        if end + _CRC.size > len(png):
            raise ValueError("a chunk is cut off")
        # A capital first letter is a critical chunk's; decoders ignore what is wrong with the others.
        if kind[:1].isupper() and zlib.crc32(view[at + 4 : end]) != _CRC.unpack_from(view, end)[0]:
            raise ValueError("a checksum is wrong")
        yield kind, view[at + _HEAD.size : end]
        at = end + _CRC.size
