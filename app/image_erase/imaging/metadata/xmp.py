"""Take the previews out of an XMP packet and say that the picture is upright."""

import re

_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|\s*>\s*))[1-8]")
# Namespaces' usual prefixes: thumbnails, Google's unedited original and depth map, and the pointer to an extension.
_IMAGES = (
    re.compile(rb"<(xmp|xap):Thumbnails\b.*?(?:</\1:Thumbnails\s*>|/>)", re.DOTALL),
    re.compile(rb"<(xmpGImg:image|xapGImg:image|GImage:Data|GDepth:Data)\b[^>]*>[^<]*</\1\s*>"),
    re.compile(
        rb"\s(?:xmpGImg:image|xapGImg:image|GImage:Data|GDepth:Data|xmpNote:HasExtendedXMP)\s*=\s*(\"[^\"]*\"|'[^']*')"
    ),
)
_LONG_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/=]|&#x[aA];|&#10;|\s){0,8}/9j/(?:[A-Za-z0-9+/=]|&#x[aA];|&#10;|\s){200,}")


def cleaned_xmp(packet: bytes) -> bytes:
    """Give the packet (UTF-8, as JPEG wants it) without pictures inside and with tiff:Orientation 1.

    A preview under a name not known here is found by what it is: a long run of base64 that begins like a JPEG.
    """
    packet = _ORIENTATION.sub(rb"\g<1>1", packet)
    for pattern in _IMAGES:
        packet = pattern.sub(b"", packet)
    return _LONG_BASE64.sub(b"", packet)
