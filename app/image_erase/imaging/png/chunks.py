"""The chunks of a PNG file (PNG specification, third edition, §5)."""

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
    """A chunk of a file. kind: its four letters. raw: all of it, with length and checksum."""

    kind: bytes
    data: memoryview
    raw: memoryview

    @property
    def sound(self) -> bool:
        """Whether the checksum is correct."""
        return self.raw[-_CRC.size :] == _CRC.pack(zlib.crc32(self.raw[4 : -_CRC.size]))

    @property
    def critical(self) -> bool:
        """Whether decoders must support it: its first letter is a capital."""
        return self.kind[:1].isupper()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk with its length and checksum. kind: its four letters."""
    return b"".join((_HEAD.pack(len(data), kind), data, _CRC.pack(zlib.crc32(data, zlib.crc32(kind)))))


def assembled(size: tuple[int, int], depth: int, colour_type: int, pixels: bytes, before: bytes = b"") -> bytes:
    """Return a PNG file.

    size: width and height. depth: bits per sample. pixels: compressed. before: chunks between header and pixels.
    """
    header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0)
    return b"".join((SIGNATURE, chunk(b"IHDR", header), before, chunk(b"IDAT", pixels), chunk(b"IEND", b"")))


def raw_chunks(png: bytes) -> Iterator[RawChunk]:
    """Yield each chunk up to and including IEND, without copying. Raises ValueError if the file ends before it."""
    view, at = memoryview(png), len(SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if at + _HEAD.size > len(png):
            raise ValueError("no IEND chunk")
        length, kind = _HEAD.unpack_from(view, at)
        end = at + _HEAD.size + length
        if end + _CRC.size > len(png) or not _KIND.fullmatch(kind):
            raise ValueError("a chunk is cut off or has no name")
        yield RawChunk(kind, view[at + _HEAD.size : end], view[at : end + _CRC.size])
        at = end + _CRC.size
