"""Content-Transfer-Encoding of a part: deprecated in forms (RFC 7578, 4.7), but still sent by clients."""

import binascii
import re
from typing import Protocol

from image_erase.http.failures import Reason, Refused

_WHITESPACE = b" \t\r\n"
# An escape that is neither a byte nor a soft line break (RFC 2045, 6.7), which may be followed by blanks.
_BAD_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]{0,76}\r?\n)")
_BLANKS_BEFORE_BREAK = re.compile(rb"=[ \t]+(?=\r?\n)")
# An escape that continues in the next piece; no encoder writes lines of more than 76 characters.
_UNFINISHED = re.compile(rb"=(?:[0-9A-Fa-f]|[ \t]{0,76}\r?)?\Z")


class Decoder(Protocol):
    """Decodes a part as it arrives."""

    def feed(self, data: bytes) -> bytes:
        """Decode the next piece. Raises Refused MALFORMED."""

    def end(self) -> bytes:
        """Decode the remaining bytes. Raises Refused MALFORMED."""


def decoder_for(encoding: str) -> Decoder | None:
    """Return the decoder of a part, None if it is not encoded. encoding: the value of its header."""
    name = encoding.strip().lower()
    if name == "base64":
        return Base64Decoder()
    return QuotedPrintableDecoder() if name == "quoted-printable" else None


class Base64Decoder:
    """Decodes base64. Line breaks and blanks are ignored; padding at the end may be missing."""

    def __init__(self) -> None:
        self._left = b""
        self._padded = False

    def feed(self, data: bytes) -> bytes:
        """Decode the next piece. Raises Refused MALFORMED."""
        digits = self._left + data.translate(None, _WHITESPACE)
        whole = len(digits) & ~3
        self._left = digits[whole:]
        return self._decoded(digits[:whole])

    def end(self) -> bytes:
        """Decode the remaining bytes. Raises Refused MALFORMED."""
        left, self._left = self._left, b""
        return self._decoded(left + b"=" * (-len(left) % 4))

    def _decoded(self, digits: bytes) -> bytes:
        if not digits:
            return b""
        if self._padded:
            raise _malformed("base64")
        self._padded = digits.endswith(b"=")
        try:
            return binascii.a2b_base64(digits, strict_mode=True)
        except binascii.Error:
            raise _malformed("base64") from None


class QuotedPrintableDecoder:
    """Decodes quoted-printable. Bytes that should have been escaped are kept unchanged."""

    def __init__(self) -> None:
        self._left = b""

    def feed(self, data: bytes) -> bytes:
        """Decode the next piece. Raises Refused MALFORMED."""
        data = self._left + data
        unfinished = _UNFINISHED.search(data, max(0, len(data) - 79))
        whole = unfinished.start() if unfinished else len(data)
        self._left = data[whole:]
        return self._decoded(data[:whole])

    def end(self) -> bytes:
        """Decode the remaining bytes. A soft line break at the end of the part may lack its line break."""
        left, self._left = self._left.rstrip(_WHITESPACE), b""
        return self._decoded(left if left != b"=" else b"")

    def _decoded(self, data: bytes) -> bytes:
        if _BAD_ESCAPE.search(data):
            raise _malformed("quoted-printable")
        return binascii.a2b_qp(_BLANKS_BEFORE_BREAK.sub(b"=", data))


def _malformed(encoding: str) -> Refused:
    message = f"A part with Content-Transfer-Encoding {encoding} contains invalid characters."
    return Refused(Reason.MALFORMED, message)
