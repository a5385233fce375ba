"""Invalid ancillary chunks of a PNG do not prevent decoding, and are not in the result."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.encode import encode_result
from image_erase.imaging.failures import BrokenFile
from image_erase.imaging.mask import decode_mask
from image_erase.imaging.metadata.policy import Policy
from image_erase.imaging.picture import Picture
from image_erase.imaging.png.chunks import raw_chunks
from support.files import chunk, png_file

SIZE = (24, 18)
MEGABYTE = 1024 * 1024
LONG = zlib.compress(b"x" * MEGABYTE + b"yz")
SOUND = {
    b"gAMA": struct.pack(">I", 45455),
    b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
    b"sRGB": b"\0",
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
    b"cICP": b"\1\x0d\0\1",
    b"iCCP": b"a profile\0\0" + zlib.compress(b"profile" * 30),
    b"tIME": struct.pack(">HBBBBB", 2026, 11, 26, 9, 0, 0),
    b"tEXt": b"Author\0somebody",
    b"zTXt": b"Comment\0\0" + zlib.compress(b"text"),
    b"iTXt": b"Title\0\1\0en\0\0" + zlib.compress(b"text"),
}
KINDS = [*SOUND, b"eXIf", b"tRNS", b"bKGD", b"sBIT", b"hIST", b"sPLT", b"acTL", b"fcTL", b"fdAT", b"prIv"]


def wrong_checksum(kind: bytes, data: bytes) -> bytes:
    return chunk(kind, data)[:-4] + struct.pack(">I", zlib.crc32(kind + data) ^ 1)


BROKEN = {
    "zTXt over 1 MiB": chunk(b"zTXt", b"Comment\0\0" + LONG),
    "iTXt over 1 MiB": chunk(b"iTXt", b"Title\0\1\0\0\0" + LONG),
    "XMP over 1 MiB": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LONG),
    "iCCP over 1 MiB": chunk(b"iCCP", b"ICC\0\0" + LONG),
    "iCCP that cannot be inflated": chunk(b"iCCP", b"ICC\0\0junk"),
    "iCCP that is cut off": chunk(b"iCCP", b"ICC\0\0" + zlib.compress(b"profile" * 90)[:-9]),
    "iCCP without a name": chunk(b"iCCP", b"\0\0" + zlib.compress(b"profile")),
    "iCCP of nothing": chunk(b"iCCP", b""),
    "zTXt of nothing": chunk(b"zTXt", b""),
    "zTXt without an end": chunk(b"zTXt", b"key"),
    "zTXt of another method": chunk(b"zTXt", b"key\0\1" + zlib.compress(b"a")),
    "iTXt of a keyword": chunk(b"iTXt", b"key\0\1"),
    "empty eXIf": chunk(b"eXIf", b""),
    "eXIf of junk": chunk(b"eXIf", b"\xff" * 40),
    "eXIf that leads nowhere": chunk(b"eXIf", b"II*\0\xff\xff\xff\x7f"),
    "sRGB of another intent": chunk(b"sRGB", b"\x09"),
    "gAMA of zero": chunk(b"gAMA", bytes(4)),
    "tRNS that is too long": chunk(b"tRNS", bytes(7)),
    **{
        f"short {kind.decode()}": chunk(kind, data[: len(data) // 2]) for kind, data in SOUND.items() if kind != b"tEXt"
    },
    **{f"checksum of {kind.decode()}": wrong_checksum(kind, data) for kind, data in SOUND.items()},
    "checksum of tRNS": wrong_checksum(b"tRNS", bytes(6)),
}


def result_of(picture: Picture, policy: Policy = Policy.ALL) -> bytes:
    hole = np.zeros(picture.pixels.shape[:2], np.bool_)
    return bytes(encode_result(picture, picture.canvas()[0], hole, policy=policy, jpeg_quality=95).data)


def ancillary(data: bytes) -> list[bytes]:
    return [each.kind for each in raw_chunks(data) if not each.critical]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_chunk_is_dropped(name: str, depth: int) -> None:
    plain = decode_picture(png_file(SIZE, depth, 2), 100)
    broken = png_file(SIZE, depth, 2, BROKEN[name], chunk(b"tEXt", b"Author\0somebody"))
    picture = decode_picture(broken, 100)
    assert picture.mode == "RGB"
    np.testing.assert_array_equal(picture.pixels, plain.pixels)
    result = result_of(picture)
    assert ancillary(result) == [b"tEXt"]
    with Image.open(io.BytesIO(result)) as image:
        image.load()


@pytest.mark.parametrize("name", BROKEN)
def test_a_mask_with_a_broken_chunk_is_a_mask(name: str) -> None:
    mask = png_file(SIZE, 8, 0, BROKEN[name])
    picture = decode_picture(png_file(SIZE, 8, 2), 100)
    plain = decode_mask(png_file(SIZE, 8, 0), picture, 100).hole
    np.testing.assert_array_equal(decode_mask(mask, picture, 100).hole, plain)


def test_sound_chunks_are_kept_once() -> None:
    chunks = [chunk(kind, data) for kind, data in SOUND.items()]
    result = result_of(decode_picture(png_file(SIZE, 8, 2, *chunks, *chunks), 100))
    texts = [b"tEXt", b"zTXt", b"iTXt"]
    assert ancillary(result) == [kind for kind in SOUND if kind not in texts] + texts * 2
    found = {each.kind: bytes(each.data) for each in raw_chunks(result)}
    assert {kind: found[kind] for kind in SOUND} == SOUND


def test_colours_behind_the_pixels_do_not_count() -> None:
    plain = png_file(SIZE, 8, 2)
    late = plain[:-12] + chunk(b"gAMA", SOUND[b"gAMA"]) + chunk(b"tEXt", SOUND[b"tEXt"]) + plain[-12:]
    assert ancillary(result_of(decode_picture(late, 100))) == [b"tEXt"]


def test_texts_that_inflate_to_gigabytes_are_given_up() -> None:
    flood = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(MEGABYTE), 9)) * 900
    result = result_of(decode_picture(png_file(SIZE, 8, 2, flood), 100))
    assert 1 <= len(ancillary(result)) <= 4


@settings(max_examples=150, deadline=None)
@given(
    extra=st.lists(
        st.tuples(
            st.sampled_from(KINDS),
            st.one_of(st.binary(max_size=80), st.sampled_from(list(SOUND.values()))),
            st.booleans(),
            st.booleans(),
        ),
        max_size=6,
    ),
    depth=st.sampled_from([8, 16]),
    colour_type=st.sampled_from([0, 2, 4, 6]),
)
def test_no_ancillary_chunk_spoils_the_picture(
    extra: list[tuple[bytes, bytes, bool, bool]], depth: int, colour_type: int
) -> None:
    plain = png_file(SIZE, depth, colour_type)
    before = b"".join((chunk if right else wrong_checksum)(kind, data) for kind, data, right, early in extra if early)
    behind = b"".join(
        (chunk if right else wrong_checksum)(kind, data) for kind, data, right, early in extra if not early
    )
    picture = decode_picture(plain[:33] + before + plain[33:-12] + behind + plain[-12:], 100)
    wanted = decode_picture(plain, 100)
    colours = wanted.pixels.shape[2]
    # A whole tRNS chunk makes a colour transparent, an eXIf chunk may turn the picture: neither is drawn here often.
    if picture.mode == wanted.mode and picture.orientation == 1:
        np.testing.assert_array_equal(picture.pixels, wanted.pixels)
    else:
        assert picture.orientation > 1 or picture.pixels.shape[2] == colours + 1
    for policy in Policy:
        again = decode_picture(result_of(picture, policy), 100)
        np.testing.assert_array_equal(again.pixels, picture.pixels)


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"IEND"])
def test_critical_chunks_stay_strict(kind: bytes) -> None:
    data = png_file(SIZE, 8, 2)
    for each in raw_chunks(data):
        if each.kind == kind:
            raw = bytes(each.raw)
            spoiled = raw[:-1] + bytes((raw[-1] ^ 1,))
            with pytest.raises(BrokenFile):
                decode_picture(data.replace(raw, spoiled), 100)


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"ABCD", b"")],
        [chunk(b"IHDR", bytes(13))],
        [chunk(b"IDAT", b""), chunk(b"tEXt", b"a\0b")],
    ],
    ids=["unknown critical", "second header", "pixels in two places"],
)
def test_what_a_decoder_must_not_guess_is_refused(chunks: list[bytes]) -> None:
    with pytest.raises(BrokenFile):
        decode_picture(png_file(SIZE, 8, 2, *chunks), 100)
