"""Remove previews from an EXIF segment and set its orientation to upright, in place."""

from collections.abc import Iterable, Iterator

from image_erase.imaging.metadata.previews import holds_picture
from image_erase.imaging.metadata.tiff import ENTRY_BYTES, SHORT, SIZES, Entry, Tiff, UnreadableTiff

PREFIX = b"Exif\0\0"
_ORIENTATION, _WIDTH, _HEIGHT, _EXIF_IFD, _MAKER_NOTE = 0x0112, 0xA002, 0xA003, 0x8769, 0x927C
_THUMBNAIL, _THUMBNAIL_SIZE, _STRIPS, _STRIP_SIZES = 0x0201, 0x0202, 0x0111, 0x0117
_TILES, _TILE_SIZES, _SUB_IFDS, _XMP, _IMAGE_RESOURCES = 0x0144, 0x0145, 0x014A, 0x02BC, 0x8649
_PICTURES = ((_THUMBNAIL, _THUMBNAIL_SIZE), (_STRIPS, _STRIP_SIZES), (_TILES, _TILE_SIZES))
# Tags removed from the first IFD: pictures, IFDs of pictures, and blocks with previews of their own.
_POINTERS = frozenset({_SUB_IFDS, _XMP, _IMAGE_RESOURCES, *(tag for pair in _PICTURES for tag in pair)})
_MOST_IFDS = 16


def orientation_of(exif: bytes) -> int:
    """Return the EXIF orientation, 1 to 8; 1 if it is missing or unreadable. exif: with or without its prefix."""
    try:
        tiff = Tiff(exif.removeprefix(PREFIX))
        values = tiff.values(tiff.entries(tiff.first).get(_ORIENTATION))
    except UnreadableTiff:
        return 1
    return values[0] if len(values) == 1 and values[0] in range(1, 9) else 1


def cleaned_exif(payload: bytes, transposed: bool) -> bytes | None:
    """Return the segment's payload without thumbnails and with orientation 1; None if it is unreadable.

    IFD1, the sub-IFDs, the data that they point to and the entries that refer to them are overwritten with zeros; no
    offset changes and maker notes stay valid. Previews in maker notes or elsewhere are recognised by the signatures of
    image formats. transposed: whether width and height are exchanged.
    """
    prefix = PREFIX if payload.startswith(PREFIX) else b""
    try:
        tiff = Tiff(payload[len(prefix) :])
        _wipe_pictures(tiff)
        tags = tiff.entries(tiff.first)
        _set_upright(tiff, tags)
        exif = tiff.values(tags.get(_EXIF_IFD))
        inner = tiff.entries(exif[0]) if exif else {}
        if transposed:
            _swap_sizes(tiff, inner)
        _wipe_maker_note(tiff, inner.get(_MAKER_NOTE))
    except UnreadableTiff:
        return None
    return None if holds_picture(bytes(tiff.data)) else prefix + bytes(tiff.data)


def _wipe_pictures(tiff: Tiff) -> None:
    """Overwrite the IFDs of pictures, the pictures themselves, and the entries of IFD0 that point to either."""
    tags = tiff.entries(tiff.first)
    ifds = list(_picture_ifds(tiff, tags))
    spans = list(_pictures(tiff, tags))
    for ifd in ifds:
        spans += [(ifd, 2 + ENTRY_BYTES * tiff.count(ifd) + 4), *_pictures(tiff, tiff.entries(ifd))]
    spans += [(tags[tag].value_at, tags[tag].size) for tag in _POINTERS & tags.keys() if not tags[tag].inline]
    tiff.remove_entries(tiff.first, _POINTERS)
    if tiff.next_ifd(tiff.first):
        tiff.write(tiff.next_at(tiff.first), 4, 0)
    _wipe(tiff, spans)


def _picture_ifds(tiff: Tiff, tags: dict[int, Entry]) -> Iterator[int]:
    """Return the offsets of the IFDs after IFD0 and of the sub-IFDs. Raises UnreadableTiff if there are too many."""
    found = tiff.values(tags.get(_SUB_IFDS))
    following = tiff.next_ifd(tiff.first)
    while following and len(found) <= _MOST_IFDS:
        found.append(following)
        following = tiff.next_ifd(following)
    if len(found) > _MOST_IFDS:
        raise UnreadableTiff("too many IFDs")
    return iter(found)


def _pictures(tiff: Tiff, tags: dict[int, Entry]) -> Iterator[tuple[int, int]]:
    """Return the offsets and lengths of the pictures of an IFD."""
    for where, size in _PICTURES:
        yield from zip(tiff.values(tags.get(where)), tiff.values(tags.get(size)), strict=False)


def _wipe(tiff: Tiff, spans: Iterable[tuple[int, int]]) -> None:
    """Overwrite the spans, each byte once even if they overlap; a span at the end is cut off."""
    begin = done = 0
    for at, length in sorted(spans):
        end = min(at + length, len(tiff.data))
        begin = at if at > done else begin
        tiff.wipe(max(at, done), end)
        done = max(done, end)
    if begin > tiff.first and done == len(tiff.data):
        del tiff.data[begin:]


def _set_upright(tiff: Tiff, tags: dict[int, Entry]) -> None:
    entry = tags.get(_ORIENTATION)
    if entry is None:
        return
    tiff.write(entry.at + 2, 2, SHORT)
    tiff.write(entry.at + 4, 4, 1)
    tiff.write(entry.at + 8, 2, 1)
    tiff.write(entry.at + 10, 2, 0)


def _swap_sizes(tiff: Tiff, tags: dict[int, Entry]) -> None:
    """Exchange PixelXDimension and PixelYDimension."""
    entries = [tags.get(tag) for tag in (_WIDTH, _HEIGHT)]
    values = [tiff.values(entry) for entry in entries]
    for entry, numbers in zip(entries, reversed(values), strict=True):
        if entry is not None and len(numbers) == 1 and numbers[0] < 1 << 8 * SIZES[entry.kind]:
            tiff.write(entry.value_at, SIZES[entry.kind], numbers[0])


def _wipe_maker_note(tiff: Tiff, entry: Entry | None) -> None:
    if entry is not None and holds_picture(bytes(tiff.data[entry.value_at : entry.value_at + entry.size])):
        tiff.wipe(entry.value_at, min(entry.value_at + entry.size, len(tiff.data)))
