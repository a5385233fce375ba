"""Walk the marker segments of a JPEG without decoding anything."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SOI, EOI, SOS, DQT, DRI, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xDD, 0xFE
APP0, APP1, APP2, APP10, APP11 = 0xE0, 0xE1, 0xE2, 0xEA, 0xEB
APP13, APP14, APP15 = 0xED, 0xEE, 0xEF
TEM, RST0, FILL = 0x01, 0xD0, 0xFF


class BadJpeg(ValueError):
    """The bytes are not a JPEG as far as its markers go."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker segment: `payload` follows the length word; `raw` is the whole, a scan with its coded data."""

    marker: int
    payload: bytes
    raw: bytes

    @property
    def is_metadata(self) -> bool:
        """Whether it is an APPn or a comment, which the coded picture doesn't need."""
        return APP0 <= self.marker <= APP15 or self.marker == COM


def segment(marker: int, payload: bytes) -> Segment:
    """Build a segment around a payload of at most 65533 bytes."""
    return Segment(marker, payload, bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2) + payload)


def walk(source: bytes) -> Iterator[Segment]:
    """Yield the segments between SOI and EOI of the first picture in `source`, in order.

    What follows that EOI (further pictures of an MPO, garbage) is not looked at, nor are bytes between segments.
    Raises BadJpeg where a marker or a length makes no sense, or where the EOI is missing.
    """
    if source[:2] != b"\xff\xd8":
        raise BadJpeg("no SOI marker")
    places = _marker_places(source)
    at = _next_place(places, 2)
    while source[at + 1] != EOI:
        marker, end = source[at + 1], at + 2
        if marker not in (SOI, TEM):
            end = _length_end(source, at + 2)
            payload = source[at + 4 : end]
            end = _next_place(places, end) if marker == SOS else end
            yield Segment(marker, payload, source[at:end])
        at = _next_place(places, end)


def _marker_places(source: bytes) -> NDArray[np.intp]:
    """Give the offsets of all 0xFF before a code that is no stuffed zero, no restart and no filling 0xFF."""
    data = np.frombuffer(source, dtype=np.uint8)
    places = np.flatnonzero(data[:-1] == FILL)
    codes = data[places + 1]
    marking: NDArray[np.intp] = places[(codes != 0) & (codes != FILL) & (codes & 0xF8 != RST0)]
    return marking


def _next_place(places: NDArray[np.intp], position: int) -> int:
    index = int(np.searchsorted(places, position))
    if index == places.size:
        raise BadJpeg("no EOI marker")
    return int(places[index])


def _length_end(source: bytes, position: int) -> int:
    length = int.from_bytes(source[position : position + 2])
    if length < 2 or position + length > len(source):
        raise BadJpeg("a segment runs over the end of the file")
    return position + length


def join(segments: Iterable[Segment]) -> bytes:
    """Put segments back into a file, with SOI and EOI."""
    return b"".join((b"\xff\xd8", *(each.raw for each in segments), b"\xff\xd9"))
