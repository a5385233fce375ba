"""Read the marker segments of a JPEG without decoding it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.limits import MAX_SCANS, MAX_SEGMENTS, refuse

SOI, EOI, SOS, DQT, DRI, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xDD, 0xFE
APP0, APP1, APP2, APP10, APP11 = 0xE0, 0xE1, 0xE2, 0xEA, 0xEB
APP13, APP14, APP15 = 0xED, 0xEE, 0xEF
TEM, RST0, FILL = 0x01, 0xD0, 0xFF


class BadJpeg(ValueError):
    """The markers of the JPEG are invalid."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker segment. payload: the bytes after the length. raw: all bytes, for a scan with its coded data."""

    marker: int
    payload: bytes
    raw: bytes | memoryview

    @property
    def is_metadata(self) -> bool:
        """Whether it is an APPn segment or a comment, which decoding the picture does not need."""
        return APP0 <= self.marker <= APP15 or self.marker == COM


def segment(marker: int, payload: bytes) -> Segment:
    """Build a segment around a payload of at most 65533 bytes."""
    return Segment(marker, payload, bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2) + payload)


def read_segments(source: bytes) -> tuple[list[Segment], bool]:
    """Return the segments between SOI and EOI of the first picture in `source`, in order, and whether there is an EOI.

    Bytes after that EOI (further pictures of an MPO, garbage) and between segments are ignored. A metadata segment with
    an invalid length is left out. Raises BadJpeg if a marker or another length is invalid, TooCostly if there are more
    segments or scans than any encoder writes.
    """
    if source[:2] != b"\xff\xd8":
        raise BadJpeg("no SOI marker")
    places = _marker_places(source)
    segments: list[Segment] = []
    at, seen, scans = _next_place(places, 2), 0, 0
    while at is not None and source[at + 1] != EOI:
        seen += 1
        scans += source[at + 1] == SOS
        refuse(seen > MAX_SEGMENTS, "segments")
        refuse(scans > MAX_SCANS, "scans")
        one = _segment_at(source, at, places)
        segments += [one] if one else []
        at = _next_place(places, at + (len(one.raw) if one else 2))
    return segments, at is not None


def split_at_scans(source: bytes) -> tuple[list[Segment], memoryview]:
    """Return the segments before the first scan, in order, and everything from that scan on.

    source: a JPEG with nothing between its segments, as encoders write them. Raises BadJpeg if it is none.
    """
    segments, at = list[Segment](), 2
    while source[at : at + 2] != bytes((FILL, SOS)):
        length = int.from_bytes(source[at + 2 : at + 4])
        if source[at : at + 1] != b"\xff" or length < 2 or at + 2 + length > len(source):
            raise BadJpeg("a segment is missing or cut")
        segments.append(segment(source[at + 1], source[at + 4 : at + 2 + length]))
        at += 2 + length
    return segments, memoryview(source)[at:]


def _segment_at(source: bytes, at: int, places: NDArray[np.intp]) -> Segment | None:
    """Return the segment whose marker is at `at`; None for a marker without a segment."""
    marker = source[at + 1]
    length = int.from_bytes(source[at + 2 : at + 4])
    if marker in (SOI, TEM) or (length < 2 and (APP0 <= marker <= APP15 or marker == COM)):
        return None
    end = at + 2 + length
    if length < 2 or end > len(source):
        raise BadJpeg("a segment runs over the end of the file")
    payload = source[at + 4 : end]
    if marker != SOS:
        return Segment(marker, payload, source[at:end])
    # A stuffed 0xFF is followed by a zero; an 0xFF at the end of a scan is a fill byte of the next marker.
    stop = _next_place(places, end) or len(source)
    while source[stop - 1] == FILL:
        stop -= 1
    # Most of a file is in its scans: these are not copied.
    return Segment(marker, payload, memoryview(source)[at:stop])


def _marker_places(source: bytes) -> NDArray[np.intp]:
    """Return the offsets of all markers: of 0xFF before a code that is not a stuffed zero, restart or fill byte."""
    data = np.frombuffer(source, dtype=np.uint8)
    places = np.flatnonzero(data[:-1] == FILL)
    codes = data[places + 1]
    marking: NDArray[np.intp] = places[(codes != 0) & (codes != FILL) & (codes & 0xF8 != RST0)]
    return marking


def _next_place(places: NDArray[np.intp], position: int) -> int | None:
    index = int(np.searchsorted(places, position))
    return None if index == places.size else int(places[index])


def join(segments: Iterable[Segment]) -> bytes:
    """Join segments to a file, with SOI and EOI."""
    return b"".join((b"\xff\xd8", *(each.raw for each in segments), b"\xff\xd9"))
