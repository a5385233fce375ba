"""Remove previews, and references to parts that a result does not have, from an XMP packet."""

from image_erase.imaging.metadata.markup import Allowance, BadMarkup, Edits, Name, Property, Reader
from image_erase.imaging.metadata.previews import holds_picture

_XMP, _TIFF, _EXIF = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_NOTE, _CAMERA = "http://ns.adobe.com/xmp/note/", "http://ns.google.com/photos/1.0/camera/"
_THUMBNAIL = "http://ns.adobe.com/xap/1.0/g/img/"
_GAIN_MAP = "http://ns.adobe.com/hdr-gain-map/1.0/"
_GOOGLE = "http://ns.google.com/photos/1.0/"
# Namespaces that only describe thumbnails, gain maps, depth maps, sound, mattes or the directory of such parts.
_GONE_NAMESPACES = (
    _THUMBNAIL,
    _GAIN_MAP,
    *(f"{_GOOGLE}{part}/" for part in ("image", "depthmap", "audio", "container", "container/item")),
    "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.apple.com/HDRToneMap/1.0/",
    "http://ns.apple.com/pixeldatainfo/1.0/",
    "http://ns.apple.com/depthData/1.0/",
    "http://ns.apple.com/portraitEffectsMatte/1.0/",
    "http://ns.apple.com/semanticSegmentationMatte/1.0/",
)
# Dynamic Depth (Google) and its predecessor, Extensible Device Metadata, have one namespace for each kind of part.
_GONE_FAMILIES = ("http://ns.google.com/photos/dd/", "http://ns.xdm.org/photos/", "http://www.xdm.org/")
_GONE = frozenset({(_XMP, "Thumbnails"), (_XMP, "PageInfo"), (_NOTE, "HasExtendedXMP")})
_GONE_OF_CAMERA = ("MicroVideo", "MotionPhoto")
_ORIENTATION = (_TIFF, "Orientation")
_SIDES = (
    ((_TIFF, "ImageWidth"), (_TIFF, "ImageLength")),
    ((_EXIF, "PixelXDimension"), (_EXIF, "PixelYDimension")),
)
# For packets that don't declare their prefixes.
_USUAL_PREFIXES = {
    "xmp": _XMP,
    "xap": _XMP,
    "tiff": _TIFF,
    "exif": _EXIF,
    "xmpNote": _NOTE,
    "xmpGImg": _THUMBNAIL,
    "xapGImg": _THUMBNAIL,
    "hdrgm": _GAIN_MAP,
    "GCamera": _CAMERA,
    "GImage": f"{_GOOGLE}image/",
    "GDepth": f"{_GOOGLE}depthmap/",
    "GAudio": f"{_GOOGLE}audio/",
    "Container": f"{_GOOGLE}container/",
    "GContainer": f"{_GOOGLE}container/",
    "Item": f"{_GOOGLE}container/item/",
}


def cleaned_xmp(packet: bytes, allowance: Allowance, transposed: bool = False) -> bytes:
    """Return the packet (UTF-8) without previews, with tiff:Orientation 1; empty if it is unreadable.

    Removed properties are recognised by namespace and name, anywhere in the packet, and previews under other names by
    the signatures of image formats. Everything else is unchanged, to the byte. allowance: of the whole file.
    transposed: whether width and height are exchanged.
    """
    try:
        cleaned = _Cleaner(packet.strip(b"\0"), allowance, transposed).cleaned()
    except BadMarkup:
        return b""
    return b"" if holds_picture(cleaned) else cleaned


def _is_gone(name: Name) -> bool:
    namespace, local = name
    return (
        name in _GONE
        or namespace in _GONE_NAMESPACES
        or namespace.startswith(_GONE_FAMILIES)
        or (namespace == _CAMERA and local.startswith(_GONE_OF_CAMERA))
    )


class _Cleaner:
    """Reads a packet once and collects the changes."""

    def __init__(self, packet: bytes, allowance: Allowance, transposed: bool) -> None:
        self._packet, self._allowance, self._transposed = packet, allowance, transposed
        self._edits = Edits()
        self._sides: dict[Name, slice] = {}

    def cleaned(self) -> bytes:
        Reader(self._packet, _USUAL_PREFIXES, _is_gone, self._property, self._edits, allowance=self._allowance).read()
        for one, other in _SIDES if self._transposed else ():
            if one in self._sides and other in self._sides:
                self._edits.replace(self._sides[one], self._packet[self._sides[other]])
                self._edits.replace(self._sides[other], self._packet[self._sides[one]])
        return self._edits.applied(self._packet)

    def _property(self, found: Property) -> None:
        if found.name == _ORIENTATION:
            self._edits.replace(found.value, b"1")
        elif any(found.name in pair for pair in _SIDES):
            self._sides[found.name] = found.value
        elif holds_picture(self._packet[found.value]):
            self._edits.replace(found.whole)
