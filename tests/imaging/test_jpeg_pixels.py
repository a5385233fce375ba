"""Pixels that libturbojpeg decodes are the pixels that Pillow decodes."""

import itertools

import numpy as np
import pytest
from PIL import Image

from image_erase.imaging.jpeg import library
from image_erase.imaging.jpeg.pixels import decoded_pixels
from support.jpegs import Pixels, cjpeg, decoded, pillow_jpeg, scene, source_of

pytestmark = pytest.mark.skipif(
    not (library.available() and library.complete()), reason="no libturbojpeg, or one older than 3.1"
)
SIZES = (203, 149), (1, 1), (17, 8), (64, 33)


def ours(data: bytes) -> Pixels | None:
    shown = decoded(data)
    height, width = shown.shape[:2]
    pixels = decoded_pixels(source_of(data).coded, width, height, shown.size // (height * width))
    return None if pixels is None else pixels[..., ::-1].reshape(shown.shape)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_files_of_pillow(mode: str, sampling: str, size: tuple[int, int]) -> None:
    picture = scene(*size).convert(mode)
    for progressive, restart, quality in itertools.product((False, True), (0, 3), (20, 92)):
        source = pillow_jpeg(
            picture, quality=quality, subsampling=sampling, progressive=progressive, restart_marker_blocks=restart
        )
        np.testing.assert_array_equal(ours(source), decoded(source))


@pytest.mark.parametrize(
    "options",
    [
        ("-sample", "1x2"),
        ("-sample", "4x1"),
        ("-sample", "1x4"),
        ("-sample", "2x2,2x1,1x2"),
        ("-progressive", "-restart", "5B"),
        ("-quality", "1"),
        ("-arithmetic",),
        ("-rgb",),
    ],
)
def test_files_of_cjpeg(options: tuple[str, ...]) -> None:
    source = cjpeg(scene(203, 149), *options)
    np.testing.assert_array_equal(ours(source), decoded(source))


def test_what_is_left_to_pillow() -> None:
    picture = scene(64, 48)
    source = source_of(pillow_jpeg(picture, quality=80)).coded
    assert decoded_pixels(source, 64, 47, 3) is None
    assert decoded_pixels(source[: len(source) // 2] + b"\xff\xd9", 64, 48, 3) is None
    assert decoded_pixels(b"\xff\xd8", 64, 48, 3) is None
    assert ours(pillow_jpeg(picture.convert("CMYK"))) is None


def test_noise_and_rgb_components() -> None:
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 256, (70, 90, 3), np.uint8))
    for sampling, keep_rgb in itertools.product(("4:4:4", "4:2:0"), (False, True)):
        source = pillow_jpeg(noise, quality=70, subsampling="4:4:4" if keep_rgb else sampling, keep_rgb=keep_rgb)
        np.testing.assert_array_equal(ours(source), decoded(source))
