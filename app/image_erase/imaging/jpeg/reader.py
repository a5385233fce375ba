"""Read JPEG files."""

from collections.abc import Iterable

from image_erase.imaging.jpeg.frame import read_frame
from image_erase.imaging.jpeg.library import LibraryMissing
from image_erase.imaging.jpeg.markers import APP0, APP1, APP2, APP14, SOS, BadJpeg, Segment, join, read_segments
from image_erase.imaging.jpeg.turbojpeg import Rewriting, TransformFailed, Unchanged, transform
from image_erase.imaging.metadata.exif import orientation_of
from image_erase.imaging.source import Source

_EXIF, _ICC = b"Exif\0\0", b"ICC_PROFILE\0"
# The segments from which libjpeg derives the colour space.
_COLOUR_MARKS = ((APP0, b"JFIF\0"), (APP14, b"Adobe"))


def read_jpeg(data: bytes) -> Source:
    """Read the segments of the first picture. Raises BadJpeg and TooCostly.

    Bytes between segments and fill bytes are left out. A missing end-of-image marker is added if no block is missing.
    """
    segments, ended = read_segments(data)
    coded = join(each for each in segments if not each.is_metadata or _marks_colours(each))
    if not ended:
        _require_all_blocks(segments, coded)
    exif = next((each.payload for each in segments if each.marker == APP1 and each.payload.startswith(_EXIF)), b"")
    return Source(
        "JPEG",
        coded,
        lossy=True,
        orientation=orientation_of(exif),
        icc_profile=_profile(segments),
        exif=exif,
        segments=tuple(segments),
    )


def _marks_colours(each: Segment) -> bool:
    return any(each.marker == marker and each.payload.startswith(name) for marker, name in _COLOUR_MARKS)


def _require_all_blocks(segments: list[Segment], coded: bytes) -> None:
    """Raise BadJpeg unless every component has all its blocks; libjpeg warns of the first missing one."""
    frame = read_frame(segments)
    sent = {each for scan in segments if scan.marker == SOS for each in _scanned(scan)}
    if not frame.complete or not sent >= {each.identifier for each in frame.components}:
        raise BadJpeg("scans are missing")
    try:
        transform(coded, Rewriting(), Unchanged())
    except (TransformFailed, LibraryMissing) as error:
        raise BadJpeg("no EOI marker") from error


def _scanned(scan: Segment) -> bytes:
    """Return the identifiers of the components in a scan."""
    count = scan.payload[0] if scan.payload else 0
    return scan.payload[1 : 1 + 2 * count : 2]


def _profile(segments: Iterable[Segment]) -> bytes | None:
    """Return the ICC profile from all its segments; None if one of them is missing (ICC.1, annex B.4)."""
    parts = {
        each.payload[len(_ICC)]: each.payload
        for each in segments
        if each.marker == APP2 and each.payload.startswith(_ICC) and len(each.payload) > len(_ICC) + 2
    }
    count = next(iter(parts.values()))[len(_ICC) + 1] if parts else 0
    if not count or sorted(parts) != list(range(1, count + 1)):
        return None
    return b"".join(parts[number][len(_ICC) + 2 :] for number in sorted(parts))
