"""The canvas of a picture, and its way back into a picture."""

from typing import Any

import numpy as np
import pytest

from image_erase.imaging.picture import Picture, turned

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}
rng = np.random.default_rng(2)


def picture(mode: str, dtype: Any = np.uint8) -> Picture:
    pixels = rng.integers(0, np.iinfo(dtype).max, (5, 7, CHANNELS[mode]), dtype, endpoint=True)
    return Picture(pixels, mode, "PNG")


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_comes_back_as_it_went(mode: str, dtype: type) -> None:
    before = picture(mode, dtype)
    image, guide = before.canvas()
    assert guide.shape == (5, 7, 3)
    assert guide.dtype == np.uint8
    np.testing.assert_array_equal(before.with_canvas(image).pixels, before.pixels)


def test_the_guide_of_a_plain_picture_is_the_image_itself() -> None:
    image, guide = picture("RGB").canvas()
    assert guide is image


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_are_in_opencvs_order(mode: str) -> None:
    before = picture(mode)
    image, guide = before.canvas()
    np.testing.assert_array_equal(image[..., 0], before.pixels[..., 2])
    np.testing.assert_array_equal(guide[..., 2], before.pixels[..., 0])


def test_sixteen_bits_are_shown_in_eight() -> None:
    before = picture("L", np.uint16)
    np.testing.assert_array_equal(before.canvas()[1][..., 1], before.pixels[..., 0] >> 8)


def test_ink_is_shown_as_light() -> None:
    inks = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255], [0, 255, 255, 0]]], np.uint8)
    guide = Picture(inks, "CMYK", "JPEG").canvas()[1]
    assert guide.tolist() == [[[255, 255, 255], [255, 255, 0], [0, 0, 0], [0, 0, 255]]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_stored_size(orientation: int) -> None:
    stored = np.zeros((5, 7, 3), np.uint8)
    upright = Picture(turned(stored, orientation), "RGB", "PNG", orientation=orientation)
    assert upright.stored_size == (7, 5)
