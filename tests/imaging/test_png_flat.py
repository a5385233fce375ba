"""PNG files of flat areas are decoded exactly, and everything else is left to another decoder."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.failures import BrokenFile
from image_erase.imaging.png import flat
from image_erase.imaging.png.chunks import SIGNATURE, assembled, chunk
from image_erase.imaging.png.flat import flat_pixels

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
WIDTH, HEIGHT = 200, 160


def drawn(channels: int = 1, size: tuple[int, int] = (WIDTH, HEIGHT), seed: int = 0) -> np.ndarray:
    """Black with a disc and some lines, HxWxC."""
    rng = np.random.default_rng(seed)
    planes = []
    for _ in range(channels):
        plane = Image.new("L", size)
        pen = ImageDraw.Draw(plane)
        left, top = (int(rng.integers(0, each)) for each in size)
        pen.ellipse((left, top, left + size[0] // 4, top + size[1] // 4), int(rng.integers(1, 256)))
        pen.line((left, 0, top, size[1]), int(rng.integers(1, 256)))
        planes.append(np.asarray(plane))
    return np.dstack(planes)


def filtered(pixels: np.ndarray, kinds: list[int]) -> bytes:
    """Filter each row with the given kind. PNG specification, third edition, 9.2."""
    rows, channels = pixels.reshape(len(pixels), -1).astype(np.int64), pixels.shape[2]
    parts = []
    for number, kind in enumerate(kinds):
        row, above = rows[number], rows[number - 1] if number else np.zeros_like(rows[0])
        left, corner = (np.concatenate([np.zeros(channels, np.int64), each[:-channels]]) for each in (row, above))
        guess = left + above - corner
        order = np.abs(np.stack([guess - left, guess - above, guess - corner])).argmin(axis=0)
        predicted = (0 * row, left, above, (left + above) // 2, np.choose(order, (left, above, corner)))[kind]
        parts.append(bytes((kind,)) + ((row - predicted) % 256).astype(np.uint8).tobytes())
    return b"".join(parts)


def png(pixels: np.ndarray, kinds: list[int]) -> bytes:
    size = pixels.shape[1], pixels.shape[0]
    return assembled(size, 8, COLOUR_TYPES[pixels.shape[2]], zlib.compress(filtered(pixels, kinds), 9))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    channels=st.sampled_from([1, 2, 3, 4]),
    others=st.sampled_from([[], [3]]),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
)
def test_any_filters(seed: int, channels: int, others: list[int], size: tuple[int, int]) -> None:
    pixels = drawn(channels, size, seed)
    kinds = np.random.default_rng(seed).choice([0, 1, 2, 4, *others], len(pixels)).tolist()
    data = png(pixels, kinds)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))).reshape(pixels.shape), pixels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flat, "_FLAT", 0)
        patch.setattr(flat, "_BAND_BYTES", 300)
        patch.setattr(flat, "_STEP_SHARE", 1)
        decoded = flat_pixels(data, size)
    if decoded is None:
        assert others
    else:
        np.testing.assert_array_equal(decoded, pixels)


def test_filters_whose_differences_are_zero() -> None:
    pixels = np.zeros((200, 200, 1), np.uint8)
    pixels[50:90, 60:120] = 255
    kinds = [0, 3] * 25 + [4] * 40 + [2] + [3, 4] * 54 + [4]
    decoded = flat_pixels(png(pixels, kinds), (200, 200))
    assert decoded is not None
    np.testing.assert_array_equal(decoded, pixels)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_masks_of_pillow_are_read(mode: str) -> None:
    picture = Image.fromarray(drawn(1, (900, 700))[..., 0]).convert(mode)
    file = io.BytesIO()
    picture.save(file, "PNG")
    decoded = flat_pixels(file.getvalue(), picture.size)
    assert decoded is not None
    shown = decode_picture(file.getvalue(), 4096)
    assert shown.mode == mode
    for each in (decoded, shown.pixels):
        np.testing.assert_array_equal(each.reshape(np.asarray(picture).shape), np.asarray(picture))


def test_what_is_left_to_pillow() -> None:
    mask = Image.fromarray(drawn()[..., 0])
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), np.uint8))
    kinds = {
        "noise": noise,
        "blurred": mask.filter(ImageFilter.GaussianBlur(9)).filter(ImageFilter.EDGE_ENHANCE),
        "palette": mask.convert("P"),
        "two colours": mask.convert("1"),
        "many rows": mask.resize((1, 20_001)),
        "deep": Image.fromarray(np.asarray(mask).astype(np.uint16) * 257),
    }
    for name, picture in kinds.items():
        file = io.BytesIO()
        picture.save(file, "PNG")
        assert flat_pixels(file.getvalue(), picture.size) is None, name


def test_damage_is_left_to_pillow() -> None:
    rows = filtered(drawn(), [0] * HEIGHT)
    sound = zlib.compress(rows)
    wrong = {
        "cut": sound[:-6],
        "no checksum": sound[:-4],
        "wrong checksum": sound[:-1] + bytes((sound[-1] ^ 1,)),
        "more behind it": sound + b"more",
        "a row too few": zlib.compress(rows[: -WIDTH - 1]),
        "a row too many": zlib.compress(rows + bytes(WIDTH + 1)),
        "far too many rows": zlib.compress(rows + bytes(50_000_000)),
        "no such filter": zlib.compress(b"\x05" + rows[1:]),
        "a window that is too large": b"\x88\x1c" + sound[2:],
        "not compressed": b"text" * 9,
        "nothing": b"",
    }
    assert flat_pixels(assembled((WIDTH, HEIGHT), 8, 0, sound), (WIDTH, HEIGHT)) is not None
    for name, data in wrong.items():
        assert flat_pixels(assembled((WIDTH, HEIGHT), 8, 0, data), (WIDTH, HEIGHT)) is None, name
    with pytest.raises(BrokenFile):
        decode_picture(assembled((WIDTH, HEIGHT), 8, 0, sound[: len(sound) // 2]), 4096)


def test_interlaced_files_and_several_chunks() -> None:
    pixels = drawn()
    data = zlib.compress(filtered(pixels, [1] * HEIGHT), 9)
    parts = [chunk(b"IDAT", data[at : at + 7]) for at in range(0, len(data), 7)]
    for interlace, read in ((0, True), (1, False)):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, interlace))
        file = b"".join((SIGNATURE, header, *parts, chunk(b"IEND", b"")))
        assert (flat_pixels(file, (WIDTH, HEIGHT)) is not None) == read
