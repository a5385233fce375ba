"""The TIFF structure of EXIF data: read within limits, and changed in place."""

from collections.abc import Iterator, Set
from dataclasses import dataclass

SHORT, LONG = 3, 4
SIZES = {1: 1, 2: 1, SHORT: 2, LONG: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
ENTRY_BYTES = 12
_MOST_ENTRIES = 1000
_MOST_VALUES = 1024


class UnreadableTiff(ValueError):
    """An offset or a count of the TIFF structure is invalid."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: the offset of its entry, its type and count, and the offset and size in bytes of its value."""

    at: int
    kind: int
    count: int
    value_at: int
    size: int

    @property
    def inline(self) -> bool:
        """Whether the value is stored in the entry itself."""
        return self.value_at == self.at + 8


class Tiff:
    """A TIFF structure whose bytes can be read and overwritten in place."""

    def __init__(self, data: bytes) -> None:
        """Copy the data. Raises UnreadableTiff if it does not start like a TIFF file."""
        self.data = bytearray(data)
        if data[:4] not in (b"II*\0", b"MM\0*"):
            raise UnreadableTiff("no TIFF header")
        self._little = data[:1] == b"I"

    @property
    def first(self) -> int:
        """The offset of IFD0."""
        return self.number(4, 4)

    def number(self, at: int, size: int) -> int:
        """Return an unsigned number of `size` bytes."""
        if at < 0 or at + size > len(self.data):
            raise UnreadableTiff("an offset leads out of the segment")
        return int.from_bytes(self.data[at : at + size], "little" if self._little else "big")

    def write(self, at: int, size: int, value: int) -> None:
        """Overwrite a number."""
        self.number(at, size)
        self.data[at : at + size] = value.to_bytes(size, "little" if self._little else "big")

    def wipe(self, at: int, end: int) -> None:
        """Overwrite the data from `at` to `end` with zeros; do nothing if that is not a valid range."""
        if 0 <= at < end <= len(self.data):
            self.data[at:end] = bytes(end - at)

    def count(self, ifd: int) -> int:
        """Return the number of entries of an IFD."""
        count = self.number(ifd, 2)
        if count > _MOST_ENTRIES:
            raise UnreadableTiff("too many tags")
        return count

    def entries(self, ifd: int) -> dict[int, Entry]:
        """Return the entries of an IFD by tag."""
        return {self.number(at, 2): self._entry(at) for at in self._places(ifd)}

    def remove_entries(self, ifd: int, tags: Set[int]) -> None:
        """Remove entries from an IFD. The entries after them and the offset of the next IFD move up."""
        at, end = ifd + 2, self.end_of(ifd)
        places = [each for each in self._places(ifd) if self.number(each, 2) not in tags]
        kept = [bytes(self.data[each : each + ENTRY_BYTES]) for each in places]
        following = bytes(self.data[self.next_at(ifd) : end])
        self.write(ifd, 2, len(kept))
        self.data[at:end] = (b"".join(kept) + following).ljust(end - at, b"\0")

    def next_at(self, ifd: int) -> int:
        """Return the position of the offset of the next IFD."""
        return ifd + 2 + ENTRY_BYTES * self.count(ifd)

    def next_ifd(self, ifd: int) -> int:
        """Return the offset of the next IFD, 0 if there is none."""
        at = self.next_at(ifd)
        return self.number(at, 4) if at + 4 <= len(self.data) else 0

    def end_of(self, ifd: int) -> int:
        """Return the end of an IFD; some writers omit the offset of the next one at the end of the data."""
        return min(self.next_at(ifd) + 4, len(self.data))

    def values(self, entry: Entry | None) -> list[int]:
        """Return the numbers of a SHORT or LONG tag; none if it is missing or of another type."""
        if entry is None or entry.kind not in (SHORT, LONG):
            return []
        if entry.count > _MOST_VALUES:
            raise UnreadableTiff("too many values")
        step = SIZES[entry.kind]
        return [self.number(entry.value_at + step * index, step) for index in range(entry.count)]

    def _places(self, ifd: int) -> Iterator[int]:
        return (ifd + 2 + ENTRY_BYTES * index for index in range(self.count(ifd)))

    def _entry(self, at: int) -> Entry:
        kind, count = self.number(at + 2, 2), self.number(at + 4, 4)
        size = count * SIZES.get(kind, 1)
        inline = size <= 4
        return Entry(at, kind, count, at + 8 if inline else self.number(at + 8, 4), size)
