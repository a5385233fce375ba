"""Detect pictures and videos in metadata, in any encoding."""

import base64
import binascii
import re

# JPEG, PNG, WebP, GIF, JPEG XL, JPEG 2000 and the family of HEIF, AVIF and MP4.
_STARTS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"WEBPVP8",
    b"GIF87a",
    b"GIF89a",
    b"JXL \r\n\x87\n",
    b"jP  \r\n\x87\n",
    b"ftypheic",
    b"ftypheix",
    b"ftypmif1",
    b"ftypavif",
    b"ftypmp4",
    b"ftypisom",
    b"ftypqt  ",
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/=_\-\s]+")
_LINE_ENDS = re.compile(rb"&#(?:x0*[aAdD]|0*1[03]);")
_BLANKS = b" \t\r\n"
_STANDARD_ALPHABET = bytes.maketrans(b"-_", b"+/")
# Shorter than any picture.
_LEAST_CHARACTERS = 200
_QUANTUM = 4


def holds_picture(data: bytes) -> bool:
    """Return whether a picture or a video starts anywhere in the data: binary, in base64 or in hexadecimal digits.

    The time is proportional to the length of the data.
    """
    return _begins(data) or _begins_in_text(_LINE_ENDS.sub(b"", data) if b"&#" in data else data)


def _begins(data: bytes) -> bool:
    return any(start in data for start in _STARTS)


def _begins_in_text(text: bytes) -> bool:
    for found in _BASE64.finditer(text):
        if found.end() - found.start() < _LEAST_CHARACTERS:
            continue
        run = found[0].translate(_STANDARD_ALPHABET, _BLANKS + b"=")
        if b"ffd8ff" in run.lower() or any(_begins(_decoded(run[first:])) for first in range(_QUANTUM)):
            return True
    return False


def _decoded(run: bytes) -> bytes:
    """Decode base64 without its padding. It may follow text, so its groups of four may start anywhere."""
    whole = len(run) - len(run) % _QUANTUM
    try:
        return base64.b64decode(run[:whole])
    except binascii.Error:
        return b""
