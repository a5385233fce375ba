"""The metadata policies keep what they promise, and neither keeps previews."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image, ImageCms

from image_erase.imaging.jpeg.markers import (
    APP0,
    APP1,
    APP2,
    APP13,
    COM,
    BadJpeg,
    Segment,
    join,
    segment,
)
from image_erase.imaging.metadata import jpeg
from image_erase.imaging.metadata.markup import MAX_ELEMENTS
from image_erase.imaging.metadata.policy import Policy
from support.jpegs import decoded, pillow_jpeg, scene, walk


def strip(data: bytes, policy: Policy) -> bytes:
    return jpeg.strip(walk(data), policy)


def with_metadata(data: bytes, result: bytes, policy: Policy, *, transposed: bool = False) -> bytes:
    return jpeg.with_metadata(walk(data), result, policy, transposed=transposed)


THUMBNAIL = pillow_jpeg(scene(40, 30, seed=9))
PICTURE = pillow_jpeg(scene(64, 48), quality=80, dpi=(300, 200))
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b"http://ns.adobe.com/xap/1.0/\0"
PHOTOSHOP = b"Photoshop 3.0\0"


def tiff(byte_order: str = "little", maker_note: bytes = b"made by hand", orientation: int = 6) -> bytes:
    """Lay out IFD0 (orientation, Exif, GPS), the Exif IFD (sizes, maker note), GPS and IFD1 with a thumbnail."""

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, byte_order)  # type: ignore[arg-type]

    def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
        return number(tag, 2) + number(kind, 2) + number(count, 4) + value.ljust(4, b"\0")

    def ifd(*entries: bytes, following: int = 0) -> bytes:
        return number(len(entries), 2) + b"".join(entries) + number(following, 4)

    exif_at = 8 + 2 + 3 * 12 + 4
    note_at = exif_at + 2 + 3 * 12 + 4
    gps_at = note_at + len(maker_note)
    second_at = gps_at + 2 + 12 + 4
    picture_at = second_at + 2 + 2 * 12 + 4
    return b"".join(
        (
            (b"II" if byte_order == "little" else b"MM") + number(42, 2) + number(8, 4),
            ifd(
                entry(0x0112, 3, 1, number(orientation, 2)),
                entry(0x8769, 4, 1, number(exif_at, 4)),
                entry(0x8825, 4, 1, number(gps_at, 4)),
                following=second_at,
            ),
            ifd(
                entry(0xA002, 4, 1, number(64, 4)),
                entry(0xA003, 3, 1, number(48, 2)),
                entry(0x927C, 7, len(maker_note), number(note_at, 4)),
            ),
            maker_note,
            ifd(entry(1, 2, 2, b"N\0")),
            ifd(entry(0x0201, 4, 1, number(picture_at, 4)), entry(0x0202, 4, 1, number(len(THUMBNAIL), 4))),
            THUMBNAIL,
        )
    )


def resource(number: int, data: bytes, name: bytes = b"") -> bytes:
    named = bytes((len(name),)) + name
    named += b"\0" * (len(named) % 2)
    return b"8BIM" + number.to_bytes(2) + named + len(data).to_bytes(4) + data + b"\0" * (len(data) % 2)


IPTC = resource(0x0404, b"\x1c\x02\x78\x00\x07caption", b"odd")
RESOURCES = resource(0x0409, THUMBNAIL) + IPTC + resource(0x040C, THUMBNAIL, b"x") + resource(0x03ED, b"res")
PACKET = (
    b'<x:xmpmeta><rdf:Description tiff:Orientation="6" dc:title="kept" xmpNote:HasExtendedXMP="0123">'
    b"<xmp:Thumbnails><rdf:Alt><rdf:li><xmpGImg:image>/9j/4AAQ</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>"
    b"<other:preview>/9j/" + b"A" * 400 + b"</other:preview></rdf:Description></x:xmpmeta>"
)
ICC_CHUNKS = [
    segment(APP2, b"ICC_PROFILE\0" + bytes((number, 2)) + part)
    for number, part in ((1, PROFILE[:200]), (2, PROFILE[200:]))
]
EVERYTHING = [
    segment(APP0, b"JFXX\0\x10" + THUMBNAIL),
    segment(APP1, b"Exif\0\0" + tiff()),
    segment(APP1, XMP + PACKET),
    segment(APP1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 40),
    *ICC_CHUNKS,
    segment(APP2, b"MPF\0II*\0\x08\0\0\0"),
    segment(APP13, PHOTOSHOP + RESOURCES),
    segment(COM, b"a comment"),
    segment(0xE3, b"Stim\0" + THUMBNAIL),
    segment(0xEC, b"Ducky\0"),
]


def dressed(extra: list[Segment] = EVERYTHING) -> bytes:
    first, *rest = walk(PICTURE)
    thumb = first.payload[:12] + b"\x02\x01" + b"thumbs"
    return join([segment(APP0, thumb), *extra, *rest]) + THUMBNAIL


def payloads(data: bytes) -> list[bytes]:
    return [each.payload for each in walk(data) if each.is_metadata]


def coded(data: bytes) -> list[Segment]:
    return [each for each in walk(data) if not each.is_metadata]


def exif_of(data: bytes) -> bytes:
    return next(each for each in payloads(data) if each.startswith(b"Exif"))


@pytest.mark.parametrize("policy", list(Policy))
def test_the_picture_stays_to_the_byte(policy: Policy) -> None:
    result = strip(dressed(), policy)
    assert coded(result) == coded(PICTURE)
    assert np.array_equal(decoded(result), decoded(PICTURE))
    assert result.endswith(b"\xff\xd9")


@pytest.mark.parametrize("policy", list(Policy))
def test_no_preview_survives(policy: Policy) -> None:
    result = strip(dressed(), policy)
    assert result.count(b"\xff\xd8\xff") == 1
    assert b"/9j/" not in result
    assert THUMBNAIL[-60:-2] not in result
    assert b"thumbs" not in result


def test_colour_keeps_profile_and_density_only() -> None:
    result = strip(dressed(), Policy.COLOUR)
    assert payloads(result) == [payloads(PICTURE)[0], *(each.payload for each in ICC_CHUNKS)]
    opened = Image.open(io.BytesIO(result))
    assert opened.info["icc_profile"] == PROFILE
    assert opened.info["dpi"] == (300, 200)


def test_all_keeps_the_rest() -> None:
    result = strip(dressed(), Policy.ALL)
    opened = Image.open(io.BytesIO(result))
    exif = opened.getexif()
    assert exif[0x0112] == 1
    assert exif.get_ifd(0x8825) == {1: "N"}
    assert exif.get_ifd(0x8769)[0x927C] == b"made by hand"
    assert not exif.get_ifd(1)
    assert opened.info["icc_profile"] == PROFILE
    assert opened.info["comment"] == b"a comment"
    assert PHOTOSHOP + IPTC + resource(0x03ED, b"res") in payloads(result)
    assert b"Ducky\0" in payloads(result)
    packet = next(each for each in payloads(result) if each.startswith(XMP))
    assert b'tiff:Orientation="1"' in packet
    assert b'dc:title="kept"' in packet
    assert b"HasExtended" not in packet


@pytest.mark.parametrize("byte_order", ["little", "big"])
def test_exif_is_changed_in_place(byte_order: str) -> None:
    before = b"Exif\0\0" + tiff(byte_order)
    after = exif_of(strip(dressed([segment(APP1, before)]), Policy.ALL))
    assert len(after) < len(before)
    assert Image.open(io.BytesIO(dressed([segment(APP1, after)]))).getexif()[0x0112] == 1


def test_a_maker_note_with_a_preview_goes() -> None:
    data = dressed([segment(APP1, b"Exif\0\0" + tiff(maker_note=b"NOTE" + THUMBNAIL))])
    exif = Image.open(io.BytesIO(strip(data, Policy.ALL))).getexif()
    assert not any(exif.get_ifd(0x8769)[0x927C])
    assert exif.get_ifd(0x8825) == {1: "N"}


def test_turning_swaps_sizes_and_density() -> None:
    result = with_metadata(dressed(), PICTURE, Policy.ALL, transposed=True)
    opened = Image.open(io.BytesIO(result))
    assert opened.info["dpi"] == (200, 300)
    inner = opened.getexif().get_ifd(0x8769)
    assert (inner[0xA002], inner[0xA003]) == (48, 64)


def test_the_result_loses_its_own_metadata() -> None:
    result = with_metadata(PICTURE, dressed(), Policy.ALL)
    assert payloads(result) == payloads(PICTURE)


def test_markers_between_scans_are_metadata_too() -> None:
    progressive = walk(pillow_jpeg(scene(64, 48), progressive=True))
    last = max(at for at, each in enumerate(progressive) if each.marker == 0xDA)
    data = join([*progressive[:last], segment(COM, b"between scans"), *progressive[last:]])
    assert b"between" not in strip(data, Policy.COLOUR)
    assert np.array_equal(decoded(strip(data, Policy.COLOUR)), decoded(data))


def test_adobe_mark_stays() -> None:
    cmyk = pillow_jpeg(scene(64, 48).convert("CMYK"))
    assert np.array_equal(decoded(strip(cmyk, Policy.COLOUR)), decoded(cmyk))
    assert Image.open(io.BytesIO(strip(cmyk, Policy.COLOUR))).info["adobe_transform"] == 0


@pytest.mark.parametrize("cut", [b"", b"\xff", b"\x89PNG", PICTURE[:100]])
def test_nonsense_is_refused(cut: bytes) -> None:
    with pytest.raises(BadJpeg):
        strip(cut, Policy.ALL)


def test_broken_metadata_never_raises() -> None:
    rng = np.random.default_rng(5)
    for _, original in itertools.product(range(150), (tiff(), RESOURCES, PACKET)):
        broken = bytearray(original)
        for at in rng.integers(0, 12 if original is RESOURCES else 120, 4):
            broken[at] = rng.integers(256)
        name = {id(RESOURCES): PHOTOSHOP, id(PACKET): XMP}.get(id(original), b"Exif\0\0")
        marker = APP13 if name is PHOTOSHOP else APP1
        result = strip(dressed([segment(marker, name + bytes(broken))]), Policy.ALL)
        assert coded(result) == coded(PICTURE)
        assert name == XMP or THUMBNAIL[-60:-2] not in result


NAMES_OF_PARTS = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:d="http://ns.google.com/photos/1.0/container/" xmlns:i="http://ns.google'
    b'.com/photos/1.0/container/item/" xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:c="http://ns.google.com/'
    b'photos/1.0/camera/" h:Version="1.0" c:MotionPhoto="1" x:kept="1"><d:Directory><d:Item i:Semantic="Primary"/>'
    b'<d:Item i:Semantic="GainMap" i:Length="900"/><d:Item i:Semantic="MotionPhoto" i:Length="5000"/></d:Directory>'
    b"</x:xmpmeta>"
)
GAIN_MAP = pillow_jpeg(scene(32, 24).convert("L"))
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(5000)
SAMSUNG = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + VIDEO + b"SEFHe\0\0\0\0\0\0\0SEFT"
POINTERS = {
    "container and gain map": segment(APP1, XMP + NAMES_OF_PARTS),
    "gain map version": segment(APP2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"),
    "index of pictures": segment(APP2, b"MPF\0MM\0*\0\0\0\x08\0\x01\xb0\x01\0\4\0\0\0\1\0\0\0\2\0\0\0\0"),
    "gain curve": segment(0xEA, b"AROT\0\0\0\0\1\0\0\0\0"),
    "manifest": segment(0xEB, b"JP\0\1\0\0\0\1jumb"),
    "thermal image": segment(APP1, b"FLIR\0\1\0\0FFF\0"),
}


@pytest.mark.parametrize("name", POINTERS)
@pytest.mark.parametrize("behind", [GAIN_MAP + VIDEO, SAMSUNG], ids=["Ultra HDR", "Samsung"])
def test_pointers_to_parts_behind_the_picture_go_with_them(name: str, behind: bytes) -> None:
    source = dressed([segment(COM, b"kept"), POINTERS[name]]) + behind
    result = strip(source, Policy.ALL)
    kept = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"' if name.startswith("container") else None
    assert len(payloads(result)) == 2 + (kept is not None)
    packet = next((each for each in payloads(result) if each.startswith(XMP)), b"")
    assert (b'x:kept="1"' in packet) is (kept is not None)
    for gone in (b"Semantic", b"GainMap", b"MotionPhoto=", b"Version=", b"21496", b"MPF", b"ftyp", b"SEF"):
        assert gone not in result
    assert coded(result) == coded(PICTURE)


def test_a_preview_over_several_segments_goes_as_a_whole() -> None:
    large = pillow_jpeg(scene(640, 480, seed=5), quality=95)
    parts = [segment(0xE4, large[at : at + 20_000]) for at in range(0, len(large), 20_000)]
    assert len(parts) > 2
    result = strip(dressed([*parts, segment(0xE5, b"ssuniqueid\0 1234")]), Policy.ALL)
    assert [each.marker for each in walk(result) if each.is_metadata] == [APP0, 0xE5]


def test_previews_in_blocks_of_blocks_go() -> None:
    nested = resource(0x0422, tiff()) + resource(0x0424, PACKET) + resource(0x0BB7, THUMBNAIL) + IPTC
    result = strip(dressed([segment(APP13, PHOTOSHOP + nested)]), Policy.ALL)
    assert payloads(result)[1:] == [PHOTOSHOP + IPTC]


@pytest.mark.parametrize(("elements", "kept"), [(9, 80), (MAX_ELEMENTS - 1, 1)])
def test_all_packets_of_a_file_share_one_limit_of_elements(elements: int, kept: int) -> None:
    packet = segment(APP1, XMP + b"<a>" + b"<b/>" * elements + b"</a>")
    result = strip(dressed([packet] * 80), Policy.ALL)
    assert payloads(result)[1:] == [packet.payload] * kept
    assert coded(result) == coded(PICTURE)
