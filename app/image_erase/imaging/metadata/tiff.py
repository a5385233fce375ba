"""The TIFF structure that EXIF is written in: read with bounds, and changed in place."""

from collections.abc import Iterator, Set
from dataclasses import dataclass

SHORT, LONG = 3, 4
SIZES = {1: 1, 2: 1, SHORT: 2, LONG: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
ENTRY_BYTES = 12
_MOST_ENTRIES = 1000
_MOST_VALUES = 1024


class UnreadableTiff(ValueError):
    """An offset or a count of the TIFF structure makes no sense."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: where its entry stands, its type and count, where its value stands and how many bytes it has."""

    at: int
    kind: int
    count: int
    value_at: int
    size: int

    @property
    def inline(self) -> bool:
        """Whether the value stands in the entry itself."""
        return self.value_at == self.at + 8


class Tiff:
    """A TIFF structure whose bytes can be read and overwritten in place."""

    def __init__(self, data: bytes) -> None:
        """Take a copy of the data. Raises UnreadableTiff where they don't begin as a TIFF file."""
        self.data = bytearray(data)
        if data[:4] not in (b"II*\0", b"MM\0*"):
            raise UnreadableTiff("no TIFF header")
        self._little = data[:1] == b"I"

    @property
    def first(self) -> int:
        """Where IFD0 stands."""
        return self.number(4, 4)

    def number(self, at: int, size: int) -> int:
        """An unsigned number of so many bytes."""
        if at < 0 or at + size > len(self.data):
            raise UnreadableTiff("an offset leads out of the segment")
        return int.from_bytes(self.data[at : at + size], "little" if self._little else "big")

    def write(self, at: int, size: int, value: int) -> None:
        """Overwrite a number."""
        self.number(at, size)
        self.data[at : at + size] = value.to_bytes(size, "little" if self._little else "big")

    def wipe(self, at: int, end: int) -> None:
        """Overwrite with zeros what is there from `at` to `end`; nothing where that is no stretch of the data."""
        if 0 <= at < end <= len(self.data):
            self.data[at:end] = bytes(end - at)

    def count(self, ifd: int) -> int:
        """How many entries an IFD has."""
        count = self.number(ifd, 2)
        if count > _MOST_ENTRIES:
            raise UnreadableTiff("too many tags")
        return count

    def entries(self, ifd: int) -> dict[int, Entry]:
        """The entries of an IFD by tag."""
        return {self.number(at, 2): self._entry(at) for at in self._places(ifd)}

    def remove_entries(self, ifd: int, tags: Set[int]) -> None:
        """Take entries out of an IFD. Those behind move up, and the offset of the next IFD with them."""
        at, end = ifd + 2, self.end_of(ifd)
        places = [each for each in self._places(ifd) if self.number(each, 2) not in tags]
        kept = [bytes(self.data[each : each + ENTRY_BYTES]) for each in places]
        following = bytes(self.data[self.next_at(ifd) : end])
        self.write(ifd, 2, len(kept))
        self.data[at:end] = (b"".join(kept) + following).ljust(end - at, b"\0")

    def next_at(self, ifd: int) -> int:
        """Where the offset of the next IFD stands."""
        return ifd + 2 + ENTRY_BYTES * self.count(ifd)

    def next_ifd(self, ifd: int) -> int:
        """Where the next IFD stands, 0 where there is none."""
        at = self.next_at(ifd)
        return self.number(at, 4) if at + 4 <= len(self.data) else 0

    def end_of(self, ifd: int) -> int:
        """Where an IFD ends; some writers leave out the offset of the next one at the end of the data."""
        return min(self.next_at(ifd) + 4, len(self.data))

    def values(self, entry: Entry | None) -> list[int]:
        """Give the numbers of a SHORT or LONG tag; none for one that is missing or of another type."""
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
