"""Pixels that libturbojpeg decodes are the pixels that Pillow decodes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    size = shown.shape[1], shown.shape[0]
    channels = shown.size // (size[0] * size[1])
    pixels = decoded_pixels(source_of(data).coded, size, channels, (slice(0, size[1]), slice(0, size[0])))
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
    everything = slice(0, 48), slice(0, 64)
    assert decoded_pixels(source, (64, 47), 3, everything) is None
    assert decoded_pixels(source[: len(source) // 2] + b"\xff\xd9", (64, 48), 3, everything) is None
    assert decoded_pixels(b"\xff\xd8", (64, 48), 3, everything) is None
    assert ours(pillow_jpeg(picture.convert("CMYK"))) is None


def test_noise_and_rgb_components() -> None:
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 256, (70, 90, 3), np.uint8))
    for sampling, keep_rgb in itertools.product(("4:4:4", "4:2:0"), (False, True)):
        source = pillow_jpeg(noise, quality=70, subsampling="4:4:4" if keep_rgb else sampling, keep_rgb=keep_rgb)
        np.testing.assert_array_equal(ours(source), decoded(source))


PARTS = {
    f"{mode} {sampling} {'progressive' if progressive else 'baseline'}": pillow_jpeg(
        scene(403, 349).convert(mode), quality=80, subsampling=sampling, progressive=progressive
    )
    for mode, sampling, progressive in itertools.product(("L", "RGB"), ("4:4:4", "4:2:2", "4:2:0"), (False, True))
}


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(PARTS)),
    rows=st.tuples(st.integers(0, 348), st.integers(1, 349)),
    columns=st.tuples(st.integers(0, 402), st.integers(1, 403)),
)
def test_any_part_shows_the_same_pixels(name: str, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    part = slice(rows[0], min(rows[0] + rows[1], 349)), slice(columns[0], min(columns[0] + columns[1], 403))
    shown = decoded(PARTS[name])
    shown = shown.reshape(*shown.shape[:2], -1)
    pixels = decoded_pixels(source_of(PARTS[name]).coded, (403, 349), shown.shape[2], part)
    assert pixels is not None
    np.testing.assert_array_equal(pixels[..., ::-1], shown[part])
