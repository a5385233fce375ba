"""Encoding: round trips."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.encode import encode_picture
from image_erase.imaging.picture import Picture

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
rng = np.random.default_rng(11)


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("source", ["PNG", "BMP", "WEBP"])
def test_png_is_exact(mode: str, dtype: Any, source: str) -> None:
    pixels = rng.integers(0, np.iinfo(dtype).max, (17, 23, CHANNELS[mode]), dtype, endpoint=True)
    again = decode_picture(encode_picture(Picture(pixels, mode, source), 95), 4096)
    assert (again.mode, again.format) == (mode, "PNG")
    np.testing.assert_array_equal(again.pixels, pixels)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_jpeg_stays_what_it_was(mode: str, subsampling: int) -> None:
    ramp = np.linspace(0, 255, 64, dtype=np.uint8)[:, None, None]
    pixels = np.tile(ramp, (1, 48, {"L": 1, "RGB": 3, "CMYK": 4}[mode]))
    again = decode_picture(encode_picture(Picture(pixels, mode, "JPEG", b"profile", subsampling), 95), 4096)
    assert (again.format, again.mode, again.icc_profile) == ("JPEG", mode, b"profile")
    assert again.subsampling == (subsampling if mode == "RGB" else again.subsampling)
    assert np.abs(again.pixels.astype(int) - pixels).max() <= 4


def test_png_keeps_the_profile() -> None:
    data = encode_picture(Picture(np.zeros((3, 3, 3), np.uint8), "RGB", "WEBP", b"profile"), 95)
    assert decode_picture(data, 4096).icc_profile == b"profile"


def test_metadata_is_gone() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    target = io.BytesIO()
    Image.new("RGB", (32, 16), "red").save(target, "JPEG", exif=exif, comment=b"private")
    data = encode_picture(decode_picture(target.getvalue(), 4096), 95)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (16, 32)
        assert not image.getexif()
        assert "comment" not in image.info


def test_quality_changes_the_file() -> None:
    noise = Picture(rng.integers(0, 256, (64, 64, 3), np.uint8), "RGB", "JPEG")
    assert len(encode_picture(noise, 50)) < len(encode_picture(noise, 95))
