"""Take the previews out of an EXIF segment and say that the picture is upright, moving nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass

_PREFIX = 6  # "Exif", two zeros; the TIFF structure and its offsets begin after them
_ORIENTATION, _WIDTH, _HEIGHT, _EXIF_IFD, _MAKER_NOTE = 0x0112, 0xA002, 0xA003, 0x8769, 0x927C
_THUMBNAIL, _THUMBNAIL_SIZE, _STRIPS, _STRIP_SIZES, _SUB_IFDS = 0x0201, 0x0202, 0x0111, 0x0117, 0x014A
_SHORT, _LONG = 3, 4
_SIZES = {1: 1, 2: 1, _SHORT: 2, _LONG: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_ENTRY = 12
_MOST_ENTRIES = 1000
_JPEG_START = b"\xff\xd8\xff"


class _Unreadable(ValueError):
    """An offset or a count of the TIFF structure makes no sense."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One tag: where its entry stands, its type and count, where its value stands and how long it is."""

    at: int
    kind: int
    count: int
    value_at: int
    size: int


class _Tiff:
    """A TIFF structure whose bytes can be read and overwritten in place."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        if data[:4] not in (b"II*\0", b"MM\0*"):
            raise _Unreadable("no TIFF header")
        self._little = data[:1] == b"I"

    def number(self, at: int, size: int) -> int:
        if at < 0 or at + size > len(self.data):
            raise _Unreadable("an offset leads out of the segment")
        return int.from_bytes(self.data[at : at + size], "little" if self._little else "big")

    def write(self, at: int, size: int, value: int) -> None:
        self.number(at, size)
        self.data[at : at + size] = value.to_bytes(size, "little" if self._little else "big")

    def wipe(self, at: int, size: int) -> None:
        end = min(len(self.data), at + size)
        self.data[at:end] = bytes(max(0, end - at))

    def count(self, ifd: int) -> int:
        count = self.number(ifd, 2)
        if count > _MOST_ENTRIES:
            raise _Unreadable("too many tags")
        return count

    def entries(self, ifd: int) -> dict[int, _Entry]:
        return {self.number(at, 2): self._entry(at) for at in self._places(ifd)}

    def next_at(self, ifd: int) -> int:
        return ifd + 2 + _ENTRY * self.count(ifd)

    def values(self, entry: _Entry | None) -> list[int]:
        """Give the numbers of a SHORT or LONG tag; none for one that is missing or of another type."""
        if entry is None or entry.kind not in (_SHORT, _LONG) or entry.count > len(self.data):
            return []
        step = _SIZES[entry.kind]
        return [self.number(entry.value_at + step * index, step) for index in range(entry.count)]

    def _places(self, ifd: int) -> Iterator[int]:
        return (ifd + 2 + _ENTRY * index for index in range(self.count(ifd)))

    def _entry(self, at: int) -> _Entry:
        kind, count = self.number(at + 2, 2), self.number(at + 4, 4)
        size = count * _SIZES.get(kind, 1)
        inline = size <= 4
        return _Entry(at, kind, count, at + 8 if inline else self.number(at + 8, 4), size)


def cleaned_exif(payload: bytes, transposed: bool) -> bytes | None:
    """Give the segment's payload without thumbnails and with orientation 1; None where it can't be read.

    IFD1 and what it points to are overwritten with zeros, so no offset moves and maker notes stay valid. A preview
    in a maker note or elsewhere is told by how a JPEG begins. transposed: width and height change places.
    """
    try:
        tiff = _Tiff(payload[_PREFIX:])
        first = tiff.number(4, 4)
        _wipe_thumbnails(tiff, first)
        tags = tiff.entries(first)
        _set_upright(tiff, tags)
        exif = tiff.values(tags.get(_EXIF_IFD))
        inner = tiff.entries(exif[0]) if exif else {}
        if transposed:
            _swap_sizes(tiff, inner)
        _wipe_maker_note(tiff, inner.get(_MAKER_NOTE))
    except _Unreadable:
        return None
    return None if _JPEG_START in tiff.data else payload[:_PREFIX] + bytes(tiff.data)


def _wipe_thumbnails(tiff: _Tiff, first: int) -> None:
    """Overwrite IFD1 and the picture it points to, and any sub-IFD of IFD0 (previews of raw converters)."""
    pointer = tiff.next_at(first)
    second = tiff.number(pointer, 4) if pointer + 4 <= len(tiff.data) else 0
    if second:
        tiff.write(pointer, 4, 0)
    for ifd in [second] * bool(second) + tiff.values(tiff.entries(first).get(_SUB_IFDS)):
        spans = list(_pictures(tiff, ifd))
        tiff.wipe(ifd, 2 + _ENTRY * tiff.count(ifd) + 4)
        for at, length in spans:
            tiff.wipe(at, length)
            if ifd < at < len(tiff.data) <= at + length:
                del tiff.data[at:]


def _pictures(tiff: _Tiff, ifd: int) -> Iterator[tuple[int, int]]:
    """Give where the pictures of an IFD stand, and how long they are."""
    tags = tiff.entries(ifd)
    for where, size in ((_THUMBNAIL, _THUMBNAIL_SIZE), (_STRIPS, _STRIP_SIZES)):
        yield from zip(tiff.values(tags.get(where)), tiff.values(tags.get(size)), strict=False)


def _set_upright(tiff: _Tiff, tags: dict[int, _Entry]) -> None:
    entry = tags.get(_ORIENTATION)
    if entry is None:
        return
    tiff.write(entry.at + 2, 2, _SHORT)
    tiff.write(entry.at + 4, 4, 1)
    tiff.write(entry.at + 8, 2, 1)
    tiff.write(entry.at + 10, 2, 0)


def _swap_sizes(tiff: _Tiff, tags: dict[int, _Entry]) -> None:
    """Let PixelXDimension and PixelYDimension change places."""
    entries = [tags.get(tag) for tag in (_WIDTH, _HEIGHT)]
    values = [tiff.values(entry) for entry in entries]
    for entry, numbers in zip(entries, reversed(values), strict=True):
        if entry is not None and len(numbers) == 1 and numbers[0] < 1 << 8 * _SIZES[entry.kind]:
            tiff.write(entry.value_at, _SIZES[entry.kind], numbers[0])


def _wipe_maker_note(tiff: _Tiff, entry: _Entry | None) -> None:
    if entry is not None and _JPEG_START in tiff.data[entry.value_at : entry.value_at + entry.size]:
        tiff.wipe(entry.value_at, entry.size)
