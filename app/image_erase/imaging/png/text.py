"""The text chunks of a PNG file: tEXt, zTXt and iTXt, inflated within limits."""

import zlib
from dataclasses import dataclass

MAX_INFLATED_BYTES = 1024 * 1024
_MOST_INFLATED_BYTES = 4 * MAX_INFLATED_BYTES
_MOST_KEYWORD_BYTES = 79
_DEFLATE = b"\0"


@dataclass(frozen=True, slots=True)
class Text:
    """The contents of a text chunk. text: Latin-1 of tEXt and zTXt, UTF-8 of iTXt."""

    keyword: bytes
    text: bytes


class Inflation:
    """The bytes of one file that may still be inflated: a few kilobytes can become gigabytes."""

    def __init__(self) -> None:
        self._left = _MOST_INFLATED_BYTES

    def inflated(self, data: bytes) -> bytes | None:
        """Inflate a whole zlib stream; None if it is broken or exceeds MAX_INFLATED_BYTES or the allowance."""
        most = min(MAX_INFLATED_BYTES, self._left)
        if not most:
            return None
        stream = zlib.decompressobj()
        try:
            inflated = stream.decompress(data, most + 1)
        except zlib.error:
            return None
        self._left -= len(inflated)
        return inflated if stream.eof and len(inflated) <= most else None


def read_text(kind: bytes, data: bytes, inflation: Inflation) -> Text | None:
    """Read a text chunk (PNG specification, third edition, 11.3.3); None if it is broken."""
    keyword, separator, rest = data.partition(b"\0")
    if not separator or not 1 <= len(keyword) <= _MOST_KEYWORD_BYTES:
        return None
    if kind == b"tEXt":
        return Text(keyword, rest)
    compressed, method, text = _international(rest) if kind == b"iTXt" else (True, rest[:1], rest[1:])
    if text is None or (compressed and method != _DEFLATE):
        return None
    found = inflation.inflated(text) if compressed else text
    return None if found is None else Text(keyword, found)


def _international(rest: bytes) -> tuple[bool, bytes, bytes | None]:
    """Return whether an iTXt chunk is compressed, the method, and its text; None if a field has no end."""
    _, first, behind = rest[2:].partition(b"\0")
    _, second, text = behind.partition(b"\0")
    return rest[:1] == b"\1", rest[1:2], text if first and second else None
