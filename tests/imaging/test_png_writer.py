"""Written PNG files decode to the same pixels."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from image_erase.imaging.png import writer
from image_erase.imaging.png.filters import Filter, average, by_row, plain, sub, up
from image_erase.imaging.png.writer import encoded_png
from support.jpegs import scene


def pixels_of(seed: int, height: int, width: int, channels: int, dtype: type) -> np.ndarray:
    """Noise on gradients: each filter is the best somewhere."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    ground = (x * rng.integers(0, 9) + y * rng.integers(0, 9))[..., None] * 131 + rng.integers(0, 9, channels) * 1000
    noise = rng.integers(0, 2 ** int(rng.integers(1, 17)), (height, width, channels))
    return ((ground + noise) % (np.iinfo(dtype).max + 1)).astype(dtype)


def read(data: bytes, channels: int) -> np.ndarray:
    if channels == 2:
        return np.asarray(Image.open(io.BytesIO(data)))
    shown = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))
    return shown.reshape(*shown.shape[:2], -1)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    kind=st.sampled_from([(1, np.uint8), (2, np.uint8), (3, np.uint8), (4, np.uint8), (1, np.uint16), (3, np.uint16)]),
    by=st.sampled_from([plain, sub, up, average, by_row]),
)
def test_any_filter(seed: int, size: tuple[int, int], kind: tuple[int, type], by: Filter) -> None:
    pixels = pixels_of(seed, *size, *kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "_filter_for", lambda _: by)
        patch.setattr(writer, "_BAND_BYTES", 700)
        np.testing.assert_array_equal(read(encoded_png(pixels), kind[0]), pixels)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 3), (400, 300)])
def test_any_size(size: tuple[int, int], dtype: type, channels: int) -> None:
    pixels = pixels_of(3, *size, channels, dtype)
    data = encoded_png(pixels)
    if channels != 2 or dtype == np.uint8:
        np.testing.assert_array_equal(read(data, channels), pixels)
    with Image.open(io.BytesIO(data)) as image:
        image.load()


def test_noise_is_hardly_larger_than_opencv_writes_it() -> None:
    pixels = np.ascontiguousarray(np.asarray(scene(400, 300))[..., ::-1])
    assert len(encoded_png(pixels)) <= 1.1 * len(cv2.imencode(".png", pixels)[1])
