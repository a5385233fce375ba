"""Files that cost a decoder far more time than their size lets expect, found before any decoder sees them."""

import re
import struct

# Encoders write up to 14 scans. An empty one more costs 30 bytes, and 25 ms in a picture of 4096x4096.
MAX_SCANS = 32
# What only a hostile file has more of: each costs microseconds in Python, and three megabytes hold 780,000.
MAX_SEGMENTS = 5000
MAX_CHUNKS = 20_000
_PNG_FIRST_CHUNK = 8
_PNG_CHUNK = struct.Struct(">I4s")
_CHUNK_FRAME_BYTES = 12
# A marker that is neither a stuffed zero nor a restart (ITU-T T.81, B.1.1). What stands before it, decoders pass over.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_MAX_GAP_BYTES = 1024
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_WITHOUT_LENGTH = (0x01, 0xD8)


class TooCostly(ValueError):
    """The file has more of something than any encoder writes. The message says of what."""


def refuse_costly(data: bytes, file_format: str) -> None:
    """Raise TooCostly for a file that would cost too much. What is broken is left to the decoder."""
    if file_format == "JPEG":
        _refuse_costly_jpeg(data)
    elif file_format == "PNG":
        _refuse_costly_png(data)


def _refuse_costly_jpeg(data: bytes) -> None:
    """Walk from marker to marker, over the scans' data too, up to the end of the image."""
    at, scans, segments, in_scan = 0, 0, 0, False
    while found := _MARKER.search(data, at):
        marker = data[found.start(1)]
        segments += 1
        scans += marker == _START_OF_SCAN
        _refuse(scans > MAX_SCANS, "scans")
        _refuse(segments > MAX_SEGMENTS, "segments")
        _refuse(not in_scan and found.start() - at > _MAX_GAP_BYTES, "bytes between segments")
        if marker == _END_OF_IMAGE:
            return
        in_scan = marker == _START_OF_SCAN
        at = found.end()
        if marker not in _WITHOUT_LENGTH:
            at += int.from_bytes(data[at : at + 2], "big")


def _refuse_costly_png(data: bytes) -> None:
    at, chunks, kind = _PNG_FIRST_CHUNK, 0, b""
    while at + _CHUNK_FRAME_BYTES <= len(data) and kind != b"IEND":
        chunks += 1
        _refuse(chunks > MAX_CHUNKS, "chunks")
        length, kind = _PNG_CHUNK.unpack_from(data, at)
        at += _CHUNK_FRAME_BYTES + length


def _refuse(too_many: bool, what: str) -> None:
    if too_many:
        raise TooCostly(what)
