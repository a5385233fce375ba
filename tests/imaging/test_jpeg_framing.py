"""JPEGs with odd framing are read, and spliced without loss: no end of image, fill bytes, bytes between segments."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.encode import encode_result
from image_erase.imaging.failures import BrokenFile
from image_erase.imaging.jpeg import library
from image_erase.imaging.jpeg.markers import COM, segment
from image_erase.imaging.metadata.policy import Policy
from support.jpegs import decoded, may_change, pillow_jpeg, scene, walk

pytestmark = pytest.mark.skipif(not library.available(), reason="no libturbojpeg")

SCENE = scene(83, 61)
SOURCES = {
    f"{mode} {'progressive' if progressive else 'baseline'} {restart}": pillow_jpeg(
        SCENE.convert(mode), quality=85, progressive=progressive, restart_marker_blocks=restart
    )
    for mode, progressive, restart in itertools.product(("L", "RGB", "CMYK"), (False, True), (0, 3))
}
HOLE = np.zeros((61, 83), np.bool_)
HOLE[20:30, 30:50] = True


def spliced(data: bytes) -> bytes:
    """The result of a file with a white hole. Fails where it has been re-encoded."""
    picture = decode_picture(data, 200)
    image = picture.canvas()[0].copy()
    image[HOLE] = 255
    encoded = encode_result(picture, image, HOLE, policy=Policy.COLOUR, jpeg_quality=95)
    assert not encoded.reencode_reason
    return encoded.data


def starts(data: bytes) -> Iterator[int]:
    """Where segments stand."""
    at = 2
    for each in walk(data):
        yield at
        at += len(each.raw)


def heads(data: bytes) -> list[int]:
    """Where the segments up to the first scan stand; what stands before later ones belongs to the scan before."""
    first_scan = data.index(b"\xff\xda")
    return [at for at in starts(data) if at <= first_scan]


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("cut", [1, 2])
def test_a_missing_end_of_image(name: str, cut: int) -> None:
    source = SOURCES[name]
    np.testing.assert_array_equal(decode_picture(source[:-cut], 200).pixels, decode_picture(source, 200).pixels)
    assert spliced(source[:-cut]) == spliced(source)


@pytest.mark.parametrize("name", SOURCES)
def test_missing_blocks_are_not_guessed(name: str) -> None:
    source = SOURCES[name]
    for cut in (3, 4, 6, 20, len(source) // 4, len(source) // 2):
        with pytest.raises(BrokenFile):
            decode_picture(source[:-cut], 200)


def test_missing_scans_are_not_guessed() -> None:
    source = SOURCES["RGB progressive 0"]
    scans = [at for at in starts(source) if source[at + 1] == 0xDA]
    for at in scans[1:]:
        with pytest.raises(BrokenFile):
            decode_picture(source[:at], 200)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("stray", [b"\xff", b"\xff" * 2000, b"\0", b"stray", b"\xff\0" * 40, bytes(3000)])
def test_bytes_before_any_segment(name: str, stray: bytes) -> None:
    source = SOURCES[name]
    wanted = spliced(source)
    for at in heads(source)[not stray.startswith(b"\xff") :]:
        assert spliced(source[:at] + stray + source[at:]) == wanted


@pytest.mark.parametrize("name", SOURCES)
def test_fill_bytes_before_the_end(name: str) -> None:
    source = SOURCES[name]
    assert spliced(source[:-2] + b"\xff" * 500 + source[-2:]) == spliced(source)


def test_a_comment_without_a_length() -> None:
    source = SOURCES["RGB baseline 0"]
    assert spliced(source[:20] + b"\xff\xfe\0\0" + source[20:]) == spliced(source)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(list(SOURCES)),
    places=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 3000), st.booleans()), max_size=4),
    cut=st.integers(0, 2),
    behind=st.binary(max_size=40),
)
def test_any_framing(name: str, places: list[tuple[int, int, bool]], cut: int, behind: bytes) -> None:
    source = SOURCES[name]
    places_for = heads(source)[1:]
    data = source[: len(source) - cut] + (behind if not cut else b"")
    for number, length, fill in sorted(places, key=lambda place: -(place[0] % len(places_for))):
        at = places_for[number % len(places_for)]
        data = data[:at] + (b"\xff" * length if fill else bytes(length)) + data[at:]
    shown, result = decoded(source), decoded(spliced(data))
    kept = ~may_change(source, HOLE)
    np.testing.assert_array_equal(result[kept], shown[kept])


def test_metadata_between_segments_change_nothing() -> None:
    source = SOURCES["RGB baseline 0"]
    wanted = decode_picture(source, 200).pixels
    for at in starts(source):
        metadata = segment(COM, b"a comment"), segment(0xE1, b"Exif\0\0junk"), segment(0xE2, b"MPF\0junk")
        extra = b"".join(each.raw for each in metadata)
        np.testing.assert_array_equal(decode_picture(source[:at] + extra + source[at:], 200).pixels, wanted)
