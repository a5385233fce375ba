"""Read TIFF files."""

from collections.abc import Mapping

from image_erase.imaging.limits import TooCostly, Unsupported, refuse
from image_erase.imaging.metadata.tiff import Entry, Tiff, UnreadableTiff
from image_erase.imaging.source import Source

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION, _SAMPLES = 256, 257, 258, 259, 262, 274, 277
_STRIPS, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _SAMPLE_FORMAT = 273, 284, 322, 323, 324, 339
_ACROSS, _DOWN, _UNIT, _XMP, _ICC, _SUBFILE = 282, 283, 296, 700, 34675, 254
# None, CCITT, LZW, deflate by both its numbers, PackBits. The cost of others, such as JPEG, is not bounded.
_COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 8, 32773, 32946})
_GREY_INVERTED, _GREY, _RGB, _PALETTE, _INK = 0, 1, 2, 3, 5
_DEPTHS = {_GREY_INVERTED: (1, 2, 4, 8), _GREY: (1, 2, 4, 8, 16), _RGB: (8, 16), _PALETTE: (1, 2, 4, 8), _INK: (8,)}
_UNSIGNED, _CHUNKY = 1, 1
_MOST_SAMPLES, _MOST_PARTS, _MOST_PAGES, _MOST_TILE_PIXELS = 5, 1 << 17, 16, 1 << 24
_REDUCED = 1
_INCHES = {1: None, 2: 1.0, 3: 2.54}
_MOST_DPI = 1e6

Tags = Mapping[int, Entry]


def read_tiff(data: bytes) -> Source:
    """Read the first IFD. Raises Unsupported for all but pictures of one page with 8 or 16 bits, and TooCostly.

    Raises ValueError if the file is invalid. EXIF is left out, because its offsets refer to the whole file.
    """
    if data[2:4] in (b"+\0", b"\0+"):
        raise Unsupported("is a BigTIFF")
    tiff = Tiff(data)
    tags = tiff.entries(tiff.first)
    if len(tags) != tiff.count(tiff.first):
        raise UnreadableTiff("a tag is doubled")
    _require_one_page(tiff)
    _require_known(tiff, tags)
    _require_cheap(tiff, tags)
    orientation = _orientation(tiff, tags)
    if orientation != 1:
        tiff.write(tags[_ORIENTATION].value_at, 2, 1)  # the picture is turned by this program, not by the decoder
    return Source(
        "TIFF",
        bytes(tiff.data) if orientation != 1 else data,
        orientation=orientation,
        icc_profile=_bytes(tiff, tags.get(_ICC)) or None,
        density=_density(tiff, tags),
        xmp=_bytes(tiff, tags.get(_XMP)),
    )


def _one(tiff: Tiff, tags: Tags, tag: int, usual: int) -> int:
    """Return the only value of a tag."""
    return (tiff.values(tags.get(tag)) or [usual])[0]


def _require_one_page(tiff: Tiff) -> None:
    """Raise Unsupported if other pages follow; smaller versions of the same picture do not count."""
    following = tiff.next_ifd(tiff.first)
    for _ in range(_MOST_PAGES):
        if not following:
            return
        if not _one(tiff, tiff.entries(following), _SUBFILE, 0) & _REDUCED:
            raise Unsupported("has more than one page")
        following = tiff.next_ifd(following)
    raise TooCostly("pages")


def _require_known(tiff: Tiff, tags: Tags) -> None:
    samples, photometric = _one(tiff, tags, _SAMPLES, 1), _one(tiff, tags, _PHOTOMETRIC, -1)
    refuse(samples > _MOST_SAMPLES, "channels")
    bits = set(tiff.values(tags.get(_BITS)) or [1])
    formats = set(tiff.values(tags.get(_SAMPLE_FORMAT)) or [_UNSIGNED])
    if _one(tiff, tags, _COMPRESSION, 1) not in _COMPRESSIONS:
        raise Unsupported("is compressed in a way that is not read")
    if len(bits) != 1 or not bits <= set(_DEPTHS.get(photometric, ())) or formats != {_UNSIGNED}:
        raise Unsupported("has samples that are not read")
    if bits == {16} and (samples not in (1, 3, 4) or _one(tiff, tags, _PLANAR, _CHUNKY) != _CHUNKY):
        raise Unsupported("has 16-bit samples that are not read")


def _require_cheap(tiff: Tiff, tags: Tags) -> None:
    """Raise TooCostly for tiles and strips that no encoder writes."""
    parts = [tags[tag].count for tag in (_STRIPS, _TILES) if tag in tags]
    if len(parts) != 1:
        raise UnreadableTiff("neither strips nor tiles, or both")
    refuse(parts[0] > _MOST_PARTS, "strips or tiles")
    if _TILES in tags:
        pixels = _one(tiff, tags, _TILE_WIDTH, 0) * _one(tiff, tags, _TILE_HEIGHT, 0)
        refuse(pixels > _MOST_TILE_PIXELS, "pixels in a tile")


def _orientation(tiff: Tiff, tags: Tags) -> int:
    values = tiff.values(tags.get(_ORIENTATION))
    return values[0] if len(values) == 1 and values[0] in range(1, 9) else 1


def _bytes(tiff: Tiff, entry: Entry | None) -> bytes:
    return bytes(tiff.data[entry.value_at : entry.value_at + entry.size]) if entry else b""


def _density(tiff: Tiff, tags: Tags) -> tuple[float, float] | None:
    """Return the dots per inch; None if there is no density or it is implausible."""
    factor = _INCHES.get(_one(tiff, tags, _UNIT, 2))
    if factor is None or _ACROSS not in tags or _DOWN not in tags:
        return None
    places = (tags[_ACROSS].value_at, tags[_DOWN].value_at)
    parts = [(tiff.number(at, 4), tiff.number(at + 4, 4)) for at in places]
    if not all(below for _, below in parts):
        return None
    x, y = (above / below * factor for above, below in parts)
    return (x, y) if min(x, y) > 0 and max(x, y) < _MOST_DPI else None
