"""The chunks of a PNG file, as the PNG specification (third edition, §5) lays them out."""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = struct.Struct(">I4s")
_CRC = struct.Struct(">I")
_KIND = re.compile(rb"[A-Za-z]{4}")


@dataclass(frozen=True, slots=True)
class RawChunk:
    """A chunk as it stands in a file. kind: its four letters. sound: whether its checksum is right."""

    kind: bytes
    data: memoryview
    raw: memoryview
    sound: bool

    @property
    def critical(self) -> bool:
        """Whether a decoder must know it: its first letter is a capital."""
        return self.kind[:1].isupper()


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk with its length and checksum. kind: its four letters."""
    return b"".join((_HEAD.pack(len(data), kind), data, _CRC.pack(zlib.crc32(data, zlib.crc32(kind)))))


def raw_chunks(png: bytes) -> Iterator[RawChunk]:
    """Each chunk up to and with IEND, without copying. Raises ValueError where the file ends before."""
    view, at = memoryview(png), len(SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if at + _HEAD.size > len(png):
            raise ValueError("no IEND chunk")
        length, kind = _HEAD.unpack_from(view, at)
        end = at + _HEAD.size + length
        if end + _CRC.size > len(png) or not _KIND.fullmatch(kind):
            raise ValueError("a chunk is cut off or has no name")
        sound = zlib.crc32(view[at + 4 : end]) == _CRC.unpack_from(view, end)[0]
        yield RawChunk(kind, view[at + _HEAD.size : end], view[at : end + _CRC.size], sound)
        at = end + _CRC.size
