"""Small files that would keep a decoder busy for long: each is refused or processed quickly."""

import zlib
from collections.abc import Callable
from functools import cache

import pytest
from PIL import Image

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.failures import BrokenFile, ImagingFailure, SideTooLong
from image_erase.imaging.limits import MAX_CHUNKS, MAX_SCANS, MAX_SEGMENTS
from support.envelope import assert_failure, assert_success
from support.files import bmp_rle, chunk, png_file, valid_files
from support.pictures import file_of, mask_file
from support.server import Client, Server

MEGABYTES = 3 * 1024 * 1024
LARGE = (4096, 4096)
# Each takes a second at most on a quiet machine, and would take many minutes if it were not refused.
pytestmark = pytest.mark.timeout(60)
JPEG = valid_files((16, 16))["jpeg"]


@cache
def progressive() -> bytes:
    return file_of(Image.new("RGB", LARGE, (120, 3, 77)), "JPEG", progressive=True, quality=20)


@cache
def bomb() -> bytes:
    return zlib.compress(bytes(200 * 1024 * 1024))


def with_segments(segment: bytes, count: int) -> bytes:
    return JPEG[:2] + segment * count + JPEG[2:]


def with_scans(count: int, between: bytes = b"") -> bytes:
    """A progressive JPEG with this many scans, most of them the last one again."""
    whole = progressive()
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + (between + last) * (count - whole.count(b"\xff\xda")) + b"\xff\xd9"


def webp_claiming(width: int, height: int) -> bytes:
    body = b"VP8X" + (10).to_bytes(4, "little") + bytes(4)
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + (4 + len(body)).to_bytes(4, "little") + b"WEBP" + body


#: Made only when they are needed: some are large.
COSTLY: dict[str, tuple[Callable[[], bytes], type[ImagingFailure] | None]] = {
    "JPEG of 500 scans": (lambda: with_scans(500), BrokenFile),
    "JPEG of 500 scans with rubbish between": (lambda: with_scans(500, b"\xff\xfe\0\2rubbish\xff\0"), BrokenFile),
    "JPEG of comments": (lambda: with_segments(b"\xff\xfe\0\2", MEGABYTES // 4), BrokenFile),
    "JPEG of APP1": (lambda: with_segments(b"\xff\xe1\0\2", MEGABYTES // 4), BrokenFile),
    "JPEG of fill bytes": (lambda: with_segments(b"\xff", MEGABYTES), None),
    "JPEG of stuffed zeros": (lambda: with_segments(b"\xff\0", MEGABYTES // 2), None),
    "JPEG cut off in a flood": (lambda: with_segments(b"\xff\xfe\0\2", MEGABYTES // 4)[:MEGABYTES], BrokenFile),
    "PNG of empty chunks": (lambda: png_file((8, 8), 8, 2, *[chunk(b"abCd", b"")] * (MEGABYTES // 12)), BrokenFile),
    "PNG of empty texts": (lambda: png_file((8, 8), 8, 2, *[chunk(b"tEXt", b"a\0")] * (MEGABYTES // 14)), BrokenFile),
    "PNG of 2,000,000 x 10": (lambda: png_file((2_000_000, 10), 8, 0, rows=b""), SideTooLong),
    "PNG of 10 x 2,000,000": (lambda: png_file((10, 2_000_000), 8, 0, rows=b""), SideTooLong),
    "PNG of 2^31": (lambda: png_file((2**31 - 1, 2**31 - 1), 16, 6, rows=b""), SideTooLong),
    "PNG with a zip bomb in iCCP": (lambda: png_file((8, 8), 8, 2, chunk(b"iCCP", b"p\0\0" + bomb())), None),
    "PNG with a zip bomb in zTXt": (lambda: png_file((8, 8), 8, 2, chunk(b"zTXt", b"p\0\0" + bomb())), None),
    "PNG with a zip bomb in iTXt": (lambda: png_file((8, 8), 8, 2, chunk(b"iTXt", b"p\0\1\0\0\0" + bomb())), None),
    "16-bit PNG with a zip bomb in iCCP": (lambda: png_file((8, 8), 16, 2, chunk(b"iCCP", b"p\0\0" + bomb())), None),
    "BMP of runs of one": (lambda: bmp_rle(LARGE, b"\1\5" * (MEGABYTES // 2)), BrokenFile),
    "BMP of moves": (lambda: bmp_rle(LARGE, b"\0\2\0\0" * (MEGABYTES // 4)), BrokenFile),
    "BMP of stretches": (lambda: bmp_rle(LARGE, b"\0\3\1\2\3\0" * (MEGABYTES // 6)), BrokenFile),
    "BMP that moves only": (lambda: bmp_rle(LARGE, b"\0\2\xff\xff" * 1000), None),
    "BMP of line ends": (lambda: bmp_rle(LARGE, b"\1\1\0\0" * LARGE[1]), None),
    "WEBP of 16777216 x 16777216": (lambda: webp_claiming(1 << 24, 1 << 24), SideTooLong),
    "WEBP of 4096 x 4096 and nothing in it": (lambda: webp_claiming(*LARGE), BrokenFile),
}


@pytest.mark.parametrize(("make", "failure"), COSTLY.values(), ids=COSTLY.keys())
def test_is_refused_at_once(make: Callable[[], bytes], failure: type[ImagingFailure] | None) -> None:
    data = make()
    if failure:
        with pytest.raises(failure):
            decode_picture(data, LARGE[0])
    else:
        assert decode_picture(data, LARGE[0]).size in (LARGE, (16, 16), (8, 8))


def test_what_real_encoders_may_write_passes() -> None:
    assert decode_picture(with_scans(MAX_SCANS), LARGE[0]).size == LARGE
    assert decode_picture(with_segments(b"\xff\xe1\0\2", MAX_SEGMENTS - 100), LARGE[0]).size == (16, 16)
    chunks = [chunk(b"abCd", b"")] * (MAX_CHUNKS - 10)
    assert decode_picture(png_file((8, 8), 8, 2, *chunks), LARGE[0]).size == (8, 8)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP"])
def test_a_bomb_of_the_largest_size_is_just_a_picture(client: Client, server: Server, format: str) -> None:
    """A flat picture is thousands of times larger than its file, and as good as any other."""
    flat = bmp_rle(LARGE) if format == "BMP" else file_of(Image.new("RGB", LARGE, (9, 90, 190)), format)
    assert len(flat) < MEGABYTES
    assert_success(client.erase(flat, mask_file(LARGE)), server.base)


@pytest.mark.parametrize(("format", "frames"), [("PNG", 1000), ("WEBP", 1000)])
def test_of_an_animation_only_the_first_frame_is_decoded(format: str, frames: int) -> None:
    size = (64, 64)
    pictures = [Image.new("RGB", size, (n % 256, n // 256, 9)) for n in range(frames)]
    data = file_of(pictures[0], format, save_all=True, append_images=pictures[1:], duration=10)
    assert abs(decode_picture(data, 4096).pixels.astype(int) - [0, 0, 9]).max() < 8


def test_says_what_there_is_too_much_of(client: Client) -> None:
    answer = client.erase(COSTLY["JPEG of 500 scans"][0](), mask_file(LARGE))
    assert_failure(answer, "FILE_DECODING_FAILURE", "image", "too many scans")
