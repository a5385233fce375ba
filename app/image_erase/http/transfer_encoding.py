"""Content-Transfer-Encoding of a part: email's, deprecated in forms (RFC 7578, 4.7), and sent all the same."""

import binascii

from image_erase.http.failures import Reason, Refused

_WHITESPACE = b" \t\r\n"


class Base64Decoder:
    """Decodes base64 as it arrives. Line breaks and blanks may stand anywhere; padding at the end may be missing."""

    def __init__(self) -> None:
        self._left = b""
        self._padded = False

    def feed(self, data: bytes) -> bytes:
        """Decode the next piece. Raises Refused MALFORMED where it is no base64."""
        digits = self._left + data.translate(None, _WHITESPACE)
        whole = len(digits) & ~3
        self._left = digits[whole:]
        return self._decoded(digits[:whole])

    def end(self) -> bytes:
        """Decode what is left over. Raises Refused MALFORMED where it is no base64."""
        left, self._left = self._left, b""
        return self._decoded(left + b"=" * (-len(left) % 4))

    def _decoded(self, digits: bytes) -> bytes:
        if not digits:
            return b""
        if self._padded:
            raise _no_base64()
        self._padded = digits.endswith(b"=")
        try:
            return binascii.a2b_base64(digits, strict_mode=True)
        except binascii.Error:
            raise _no_base64() from None


def _no_base64() -> Refused:
    return Refused(Reason.MALFORMED, "A part with Content-Transfer-Encoding base64 has other characters in it.")
