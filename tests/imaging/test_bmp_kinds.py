"""BMPs with headers of any length and pixels of any bit fields."""

import io
import itertools
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.encode import encode_result
from image_erase.imaging.failures import BrokenFile
from image_erase.imaging.metadata.policy import Policy

WIDTH, HEIGHT = 5, 4
rng = np.random.default_rng(8)
Masks = tuple[int, int, int, int]
RGBA: Masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def bmp(header: bytes, between: bytes, pixels: bytes) -> bytes:
    offset = 14 + len(header) + len(between)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + header + between + pixels


def fields_bmp(size: int, bits: int, masks: Masks, rows: NDArray[np.uint32], compression: int = 3) -> bytes:
    """A BMP of bit fields with a header of that size. rows: HxW, as stored, the lowest first."""
    kind = {16: "<u2", 32: "<u4"}[bits]
    stride = (rows.shape[1] * bits + 31) // 32 * 4
    data = b"".join(row.astype(kind).tobytes().ljust(stride, b"\0") for row in rows)
    head = struct.pack(
        "<IiiHHIIiiII", size, rows.shape[1], len(rows), 1, bits, compression, len(data), 2835, 2835, 0, 0
    )
    packed = struct.pack("<4I", *masks)[: 16 if size > 52 or compression == 6 else 12]
    return bmp((head + packed).ljust(size, b"\0")[: max(size, 40)], packed if size == 40 else b"", data)


def expanded(rows: NDArray[np.uint32], mask: int) -> NDArray[np.uint8]:
    """What a mask's bits stand for: 0 to 255."""
    shift = (mask & -mask).bit_length() - 1
    return np.rint(((rows & mask) >> shift) / (mask >> shift) * 255).astype(np.uint8)[::-1]


@pytest.mark.parametrize("size", [40, 52, 56, 108, 124])
@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (16, (0xF800, 0x7E0, 0x1F, 0)),
        (16, (0x7C00, 0x3E0, 0x1F, 0)),
        (16, (0xF00, 0xF0, 0xF, 0)),
        (32, (0xFF0000, 0xFF00, 0xFF, 0)),
        (32, (0xFF, 0xFF00, 0xFF0000, 0)),
        (32, (0xFF000000, 0xFF0000, 0xFF00, 0)),
        (32, (0x3FF00000, 0xFFC00, 0x3FF, 0)),
    ],
)
def test_bit_fields_in_any_header(size: int, bits: int, masks: Masks) -> None:
    rows = rng.integers(0, 1 << bits, (HEIGHT, WIDTH), np.uint32)
    picture = decode_picture(fields_bmp(size, bits, masks, rows), 100)
    assert picture.mode == "RGB"
    wanted = np.dstack([expanded(rows, mask) for mask in masks[:3]])
    assert np.abs(picture.pixels.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("size", [56, 108, 124])
@pytest.mark.parametrize(
    ("bits", "masks"), [(32, RGBA), (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)), (16, (0xF00, 0xF0, 0xF, 0xF000))]
)
def test_alpha(size: int, bits: int, masks: Masks) -> None:
    rows = rng.integers(0, 1 << bits, (HEIGHT, WIDTH), np.uint32)
    picture = decode_picture(fields_bmp(size, bits, masks, rows), 100)
    assert picture.mode == "RGBA"
    np.testing.assert_array_equal(picture.pixels, np.dstack([expanded(rows, mask) for mask in masks]))


@pytest.mark.parametrize("size", [56, 108, 124])
@pytest.mark.parametrize("compression", [3, 6])
def test_alpha_that_is_0_everywhere_is_opaque(size: int, compression: int) -> None:
    rows = rng.integers(0, 1 << 24, (HEIGHT, WIDTH), np.uint32)
    picture = decode_picture(fields_bmp(size, 32, RGBA, rows, compression), 100)
    assert picture.mode == "RGB"
    np.testing.assert_array_equal(picture.pixels, np.dstack([expanded(rows, mask) for mask in RGBA[:3]]))


@settings(max_examples=60, deadline=None)
@given(
    bits=st.sampled_from([16, 32]),
    cuts=st.lists(st.integers(1, 31), min_size=3, max_size=3, unique=True),
    size=st.sampled_from([56, 108, 124]),
    width=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_any_bit_fields(bits: int, cuts: list[int], size: int, width: int, seed: int) -> None:
    """Four fields of any widths, one behind the other."""
    edges = [0, *sorted(cut * bits // 32 or 1 for cut in cuts), bits]
    red, green, blue, alpha = ((1 << end) - (1 << start) for start, end in itertools.pairwise(edges))
    masks = red, green, blue, alpha
    if not all(masks):
        return
    rows = np.random.default_rng(seed).integers(0, 1 << bits, (3, width), np.uint32) | np.uint32(1 << (bits - 1))
    picture = decode_picture(fields_bmp(size, bits, masks, rows), 100)
    wanted = np.dstack([expanded(rows, mask) for mask in masks])
    assert np.abs(picture.pixels.astype(int) - wanted).max() <= 1


def os2(size: int, bits: int, palette: bytes, pixels: bytes) -> bytes:
    fields = struct.pack("<IiiHHIIiiII", size, WIDTH, HEIGHT, 1, bits, 0, 0, 0, 0, 0, 0)
    return bmp(fields.ljust(64, b"\0")[:size], palette, pixels)


@pytest.mark.parametrize("size", [16, 20, 24, 28, 32, 36, 40, 46, 48, 60, 64])
def test_headers_that_end_early(size: int) -> None:
    colours = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    rows = b"".join(row[:, ::-1].tobytes() + b"\0" for row in colours[::-1])
    picture = decode_picture(os2(size, 24, b"", rows), 100)
    np.testing.assert_array_equal(picture.pixels, colours)


@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("size", [16, 36, 64])
def test_palettes_behind_headers_that_end_early(bits: int, size: int) -> None:
    palette = rng.integers(0, 256, (1 << bits, 4), np.uint8)
    indices = rng.integers(0, 1 << bits, (HEIGHT, WIDTH), np.uint8)
    digits = np.unpackbits(indices[..., np.newaxis], axis=2)[..., 8 - bits :].reshape(HEIGHT, -1)
    rows = b"".join(np.packbits(row).tobytes().ljust(8, b"\0")[: (WIDTH * bits + 31) // 32 * 4] for row in digits[::-1])
    picture = decode_picture(os2(size, bits, palette.tobytes(), rows), 100)
    np.testing.assert_array_equal(picture.pixels, palette[indices][..., 2::-1])


def test_the_density_survives() -> None:
    rows = rng.integers(0, 1 << 32, (HEIGHT, WIDTH), np.uint32)
    picture = decode_picture(fields_bmp(124, 32, RGBA, rows), 100)
    hole = np.zeros((HEIGHT, WIDTH), np.bool_)
    result = encode_result(picture, picture.canvas()[0], hole, policy=Policy.COLOUR, jpeg_quality=95)
    with Image.open(io.BytesIO(result.data)) as image:
        assert image.info["dpi"] == pytest.approx((72, 72), abs=0.1)


@pytest.mark.parametrize("bits", [1, 8, 64])
def test_bit_fields_of_another_depth_are_broken(bits: int) -> None:
    rows = np.zeros((HEIGHT, WIDTH), np.uint32)
    data = fields_bmp(124, 32, RGBA, rows)
    with pytest.raises(BrokenFile):
        decode_picture(data[:28] + struct.pack("<H", bits) + data[30:], 100)


def test_the_padding_of_the_last_row_may_be_missing() -> None:
    rows = rng.integers(0, 1 << 16, (HEIGHT, WIDTH), np.uint32)
    data = fields_bmp(40, 16, (0xF800, 0x7E0, 0x1F, 0), rows)
    np.testing.assert_array_equal(decode_picture(data[:-2], 100).pixels, decode_picture(data, 100).pixels)


@pytest.mark.parametrize("cut", [2, 20, 60, 80, 120])
def test_cut_off(cut: int) -> None:
    rows = np.ones((HEIGHT, WIDTH), np.uint32)
    for data in (fields_bmp(124, 32, RGBA, rows), os2(16, 24, b"", bytes(HEIGHT * 16))):
        with pytest.raises(BrokenFile):
            decode_picture(data[: max(14, len(data) - cut)], 100)
