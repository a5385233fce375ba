"""Pictures in EXIF, and all references to them, are removed; the rest stays readable."""

import io
import struct
from collections.abc import Callable

import pytest
from PIL import Image

from image_erase.imaging.metadata.exif import PREFIX, cleaned_exif, orientation_of
from support.jpegs import pillow_jpeg, scene
from support.work import lines_run

THUMBNAIL = pillow_jpeg(scene(40, 30, seed=9))
LONG, SHORT, UNDEFINED, ASCII = 4, 3, 7, 2
MAKE = (0x010F, ASCII, 9, b"a camera\0")


def tiff(*ifds: list[tuple[int, int, int, bytes]], order: str = "<") -> bytes:
    """A TIFF structure of IFDs, each naming the next. An entry: tag, type, count and value."""
    parts, at = [b"II*\0" if order == "<" else b"MM\0*", struct.pack(f"{order}I", 8)], 8
    for number, entries in enumerate(ifds):
        values_at = at + 2 + 12 * len(entries) + 4
        table, values = bytearray(struct.pack(f"{order}H", len(entries))), bytearray()
        for tag, kind, count, value in entries:
            inline = len(value) <= 4
            where = value.ljust(4, b"\0") if inline else struct.pack(f"{order}I", values_at + len(values))
            table += struct.pack(f"{order}HHI", tag, kind, count) + where
            values += b"" if inline else value + b"\0" * (len(value) % 2)
        end = values_at + len(values)
        parts += [bytes(table), struct.pack(f"{order}I", end if number + 1 < len(ifds) else 0), bytes(values)]
        at = end
    return b"".join(parts)


def long(value: int, order: str = "<") -> bytes:
    return struct.pack(f"{order}I", value)


def read(payload: bytes | None) -> Image.Exif:
    assert payload is not None
    exif = Image.Exif()
    exif.load(payload)
    return exif


@pytest.mark.parametrize("order", ["<", ">"])
def test_all_ifds_behind_the_first_go(order: str) -> None:
    orientation = (0x0112, SHORT, 1, struct.pack(f"{order}H", 6))
    pictures = [[(0xC000, UNDEFINED, len(THUMBNAIL), THUMBNAIL)] for _ in range(3)]
    before = tiff([MAKE, orientation], *pictures, order=order)
    after = cleaned_exif(PREFIX + before, False)
    assert after is None  # a picture of no known kind stays in the bytes, so all of it goes
    strips = [(0x0111, LONG, 1, long(200, order)), (0x0117, LONG, 1, long(1 << 30, order))]
    before = tiff([MAKE, orientation], strips, strips, order=order).ljust(200, b"\0") + THUMBNAIL
    exif = read(cleaned_exif(PREFIX + before, False))
    assert (exif[0x010F], exif[0x0112]) == ("a camera", 1)
    assert not exif.get_ifd(1)
    assert len(cleaned_exif(PREFIX + before, False) or b"") < 210


def test_pointers_to_pictures_go_from_the_first_ifd() -> None:
    sub = struct.pack("<HHHIIHHIII", 2, 0x0201, LONG, 1, 300, 0x0202, LONG, 1, len(THUMBNAIL), 0)
    pointers = [(tag, LONG, 1, long(250)) for tag in (0x0111, 0x0117, 0x0144, 0x0145, 0x014A, 0x0201, 0x0202)]
    blocks = [(0x02BC, 1, 20, b"<x:xmpmeta thumbnail"), (0x8649, UNDEFINED, 8, b"8BIMabcd")]
    before = (tiff([MAKE, *pointers, *blocks]).ljust(250, b"\0") + sub).ljust(300, b"\0") + THUMBNAIL
    after = cleaned_exif(before, False)
    assert dict(read(after)) == {0x010F: "a camera"}
    assert b"thumbnail" not in (after or b"")
    assert b"8BIM" not in (after or b"")
    assert b"\xff\xd8\xff" not in (after or b"")


def test_without_pictures_only_the_orientation_changes() -> None:
    before = tiff([MAKE, (0x0112, SHORT, 1, b"\6\0"), (0x013B, ASCII, 12, b"some artist\0")])
    after = cleaned_exif(before, False)
    assert after == before.replace(b"\6\0", b"\1\0")
    with Image.open(io.BytesIO(pillow_jpeg(scene(8, 8), exif=PREFIX + (after or b"")))) as image:
        assert image.getexif()[0x013B] == "some artist"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int) -> None:
    data = tiff([(0x0112, SHORT, 1, struct.pack("<H", orientation))])
    assert orientation_of(data) == orientation_of(PREFIX + data) == orientation
    as_long = tiff([(0x0112, LONG, 1, long(orientation, ">"))], order=">")
    assert orientation_of(as_long) == orientation


@pytest.mark.parametrize(
    "data", [b"", b"junk", b"II*\0", b"II*\0\xff\xff\xff\xff", tiff([(0x0112, SHORT, 1, b"\x09")])]
)
def test_no_orientation_is_upright(data: bytes) -> None:
    assert orientation_of(data) == 1


def hostile(strips: int) -> bytes:
    """EXIF of strips that all run to the end."""
    offsets, sizes = struct.pack("<I", 5000) * strips, struct.pack("<I", 0x7FFFFFFF) * strips
    return tiff([MAKE], [(0x0111, LONG, strips, offsets), (0x0117, LONG, strips, sizes)]) + b"\1" * 2_000_000


def looped() -> bytes:
    """EXIF whose second IFD names itself as the next one."""
    second = tiff([MAKE])
    return second[:22] + struct.pack("<I", 8) + second[26:]


@pytest.mark.parametrize(
    "make",
    [
        lambda: hostile(1000),
        lambda: hostile(100_000),
        looped,
        lambda: tiff([MAKE] * 60_000),
        lambda: tiff(*[[MAKE] * 900] * 16) + bytes(2_000_000),
        lambda: tiff([(0x014A, LONG, 1000, long(8) * 1000)]),
    ],
    ids=["strips", "more strips", "loop", "tags", "large IFDs", "sub-IFDs"],
)
def test_hostile_exif_takes_few_steps(make: Callable[[], bytes]) -> None:
    data = make()
    assert lines_run(lambda: (cleaned_exif(data, True), orientation_of(data))) < 1_000_000
