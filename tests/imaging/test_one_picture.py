"""Of files that hold several pictures, every reader shows the same one, and its bytes are those that are kept."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.encode import encode_result
from image_erase.imaging.metadata.policy import Policy
from support.files import bmp_rle, chunk, png_file
from support.jpegs import pillow_jpeg, scene, walk
from support.pictures import file_of

SIZE = (24, 18)
rng = np.random.default_rng(12)


def packed(pixels: NDArray[np.uint8 | np.uint16]) -> bytes:
    """Rows of a PNG, unfiltered and compressed."""
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(len(pixels), -1).view(np.uint8)
    return zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())


def animated_png(depth: int, colour_type: int, *, separate: bool) -> tuple[bytes, NDArray[np.uint8 | np.uint16]]:
    """An APNG of two frames, and the picture in its IDAT, which is the first frame unless it is separate."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    kind = np.uint8 if depth == 8 else np.uint16
    first, *others = (rng.integers(0, 1 << depth, (SIZE[1], SIZE[0], channels), kind) for _ in range(3))
    frames = others if separate else [first, others[0]]
    control, data, sequence = [], [], 0
    for number, frame in enumerate(frames):
        head = struct.pack(">IIIIIHHBB", sequence, *SIZE, 0, 0, 1, 10, 0, 0)
        sequence += 1
        if not separate and number == 0:
            control.append(chunk(b"fcTL", head))
            continue
        data += [chunk(b"fcTL", head), chunk(b"fdAT", struct.pack(">I", sequence) + packed(frame))]
        sequence += 1
    animation = chunk(b"acTL", struct.pack(">II", len(frames), 0))
    file = png_file(SIZE, depth, colour_type, animation, *control, rows=packed(first))
    return file[:-12] + b"".join(data) + file[-12:], first


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("colour_type", [0, 2, 4, 6])
@pytest.mark.parametrize("depth", [8, 16])
def test_animated_png(depth: int, colour_type: int, separate: bool) -> None:
    data, wanted = animated_png(depth, colour_type, separate=separate)
    np.testing.assert_array_equal(decode_picture(data, 100).pixels, wanted)


def two(file_format: str, **options: object) -> tuple[bytes, NDArray[np.uint8]]:
    first, second = scene(*SIZE, seed=1), scene(*SIZE, seed=2)
    return file_of(first, file_format, save_all=True, append_images=[second], **options), np.asarray(first)


def multi_picture() -> tuple[bytes, NDArray[np.uint8]]:
    data, _ = two("MPO", quality=90)
    with Image.open(io.BytesIO(data)) as image:
        return data, np.asarray(image)


def joined_jpegs() -> tuple[bytes, NDArray[np.uint8]]:
    first, second = (pillow_jpeg(scene(*SIZE, seed=seed)) for seed in (1, 2))
    with Image.open(io.BytesIO(first)) as image:
        return first + second, np.asarray(image)


def with_thumbnail_first() -> tuple[bytes, NDArray[np.uint8]]:
    """A JPEG whose EXIF holds another one."""
    inner = pillow_jpeg(scene(*SIZE, seed=2))
    data = pillow_jpeg(scene(*SIZE, seed=1), exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + inner)
    with Image.open(io.BytesIO(data)) as image:
        return data, np.asarray(image)


def joined_webps() -> tuple[bytes, NDArray[np.uint8]]:
    first, second = (file_of(scene(*SIZE, seed=seed), "WEBP", lossless=True) for seed in (1, 2))
    body = first[12:] + second[12:]
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body, np.asarray(scene(*SIZE, seed=1))


def bmp_with_another_behind() -> tuple[bytes, NDArray[np.uint8]]:
    first, second = (file_of(scene(*SIZE, seed=seed), "BMP") for seed in (1, 2))
    return first + second, np.asarray(scene(*SIZE, seed=1))


FILES: dict[str, Callable[[], tuple[bytes, NDArray[np.uint8]]]] = {
    "animated WebP": lambda: two("WEBP", lossless=True),
    "two WebPs in one": joined_webps,
    "MPO": multi_picture,
    "two JPEGs in one": joined_jpegs,
    "JPEG with a thumbnail": with_thumbnail_first,
    "two BMPs in one": bmp_with_another_behind,
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("policy", list(Policy))
def test_the_first_picture_is_shown_and_kept(name: str, policy: Policy) -> None:
    data, wanted = FILES[name]()
    picture = decode_picture(data, 100)
    np.testing.assert_array_equal(picture.pixels[..., :3], wanted)
    hole = np.zeros(SIZE[::-1], np.bool_)
    result = encode_result(picture, picture.canvas()[0], hole, policy=policy, jpeg_quality=95)
    again = decode_picture(bytes(result.data), 100)
    np.testing.assert_array_equal(again.pixels, picture.pixels)
    if picture.format == "JPEG":
        coded = [each.raw for each in walk(data) if not each.is_metadata]
        assert [each.raw for each in walk(result.data) if not each.is_metadata] == coded
        assert result.data.count(b"\xff\xd8\xff") == 1


def test_a_bmp_that_is_run_length_coded_is_the_same_to_all_readers() -> None:
    with Image.open(io.BytesIO(bmp_rle(SIZE))) as image:
        np.testing.assert_array_equal(decode_picture(bmp_rle(SIZE), 100).pixels, np.asarray(image.convert("RGB")))
