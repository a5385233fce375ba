"""Which pixels of a mask are painted."""

import io
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.failures import BrokenFile, SizeMismatch
from image_erase.imaging.mask import decode_mask, grown
from image_erase.imaging.picture import Picture

WIDTH, HEIGHT = 8, 6
PICTURE = Picture(np.zeros((HEIGHT, WIDTH, 3), np.uint8), "RGB", "PNG")
PAINTED = np.zeros((HEIGHT, WIDTH), np.bool_)
PAINTED[1:4, 2:7] = True


def hole_of(image: Image.Image, picture: Picture = PICTURE, file_format: str = "PNG", **options: object) -> np.ndarray:
    target = io.BytesIO()
    image.save(target, file_format, **options)
    return decode_mask(target.getvalue(), picture, 4096).hole


def two_tone(mode: str, painted: Any, kept: Any) -> Image.Image:
    image = Image.new(mode, (WIDTH, HEIGHT), kept)
    image.paste(painted, (2, 1, 7, 4))
    return image


@pytest.mark.parametrize(
    ("mode", "painted", "kept"),
    [
        ("L", 255, 0),
        ("L", 128, 127),
        ("1", 1, 0),
        ("RGB", (255, 255, 255), (0, 0, 0)),
        ("RGB", (0, 255, 0), (255, 0, 255)),  # luma 150 against 105
        ("LA", (255, 255), (0, 255)),
        ("RGBA", (255, 255, 255, 200), (0, 0, 0, 100)),  # alpha multiplies luma where that tells them apart
        ("RGBA", (255, 255, 255, 255), (0, 0, 0, 0)),
        ("RGBA", (0, 0, 0, 255), (0, 0, 0, 0)),
        ("RGBA", (255, 255, 255, 255), (255, 255, 255, 0)),
        ("RGBA", (255, 0, 0, 200), (0, 0, 0, 0)),  # a red brush on a transparent canvas: luma is below white
    ],
)
def test_what_is_painted(mode: str, painted: Any, kept: Any) -> None:
    np.testing.assert_array_equal(hole_of(two_tone(mode, painted, kept)), PAINTED)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("value", [1, 2, 60, 127])
def test_a_label_mask(depth: type, channels: str, value: int) -> None:
    labels: np.ndarray = np.where(PAINTED, value, 0).astype(depth)
    pixels = labels if channels == "L" else np.dstack([labels] * 3)
    if channels == "RGBA":
        pixels = np.dstack([pixels, np.full_like(labels, np.iinfo(depth).max)])
    file = cv2.imencode(".png", pixels)[1].tobytes()
    np.testing.assert_array_equal(decode_mask(file, PICTURE, 4096).hole, PAINTED)


@pytest.mark.parametrize("colour", [(128, 0, 0), (0, 0, 128), (0, 0, 1), (255, 0, 0), (100, 100, 100)])
def test_a_palette_of_labels(colour: tuple[int, int, int]) -> None:
    image = Image.fromarray(PAINTED.astype(np.uint8))
    image = image.convert("P")
    image.putpalette([0, 0, 0, *colour, *[0] * 762])
    np.testing.assert_array_equal(hole_of(image), PAINTED)


def test_what_is_no_label_mask() -> None:
    """Three values, two values without black, and one."""
    three = two_tone("L", 100, 0)
    three.putpixel((0, 0), 50)
    for image in (three, two_tone("L", 100, 50), Image.new("L", (WIDTH, HEIGHT), 100)):
        assert not hole_of(image).any()


def test_a_black_jpeg_is_black() -> None:
    noise = np.random.default_rng(1).integers(0, 2, (HEIGHT, WIDTH), np.uint8)
    assert not hole_of(Image.fromarray(noise), file_format="JPEG", quality=100).any()


COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


@settings(max_examples=60, deadline=None)
@given(brush=COLOURS, hidden=COLOURS, alpha=st.integers(128, 255))
def test_a_brush_of_any_colour_on_a_transparent_canvas(
    brush: tuple[int, int, int], hidden: tuple[int, int, int], alpha: int
) -> None:
    np.testing.assert_array_equal(hole_of(two_tone("RGBA", (*brush, alpha), (*hidden, 0))), PAINTED)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 999), brush=COLOURS)
def test_hidden_colours_never_count(seed: int, brush: tuple[int, int, int]) -> None:
    """Pixels with alpha 0 may hold anything, under a brush with a soft rim as well as over black and white."""
    random = np.random.default_rng(seed)
    alpha = np.asarray(Image.fromarray(PAINTED.view(np.uint8) * np.uint8(255)).filter(ImageFilter.GaussianBlur(1)))
    for colours in (
        np.full((HEIGHT, WIDTH, 3), brush),
        np.repeat(random.integers(0, 2, (HEIGHT, WIDTH, 1)) * 255, 3, 2),
    ):
        plain = np.dstack([np.where(alpha[..., None] > 0, colours, 0), alpha]).astype(np.uint8)
        other = np.where(alpha[..., None] > 0, plain, [*random.integers(0, 256, 3), 0]).astype(np.uint8)
        noisy = plain.copy()
        noisy[alpha == 0, :3] = random.integers(0, 256, ((alpha == 0).sum(), 3))
        wanted = hole_of(Image.fromarray(plain))
        np.testing.assert_array_equal(hole_of(Image.fromarray(other)), wanted)
        np.testing.assert_array_equal(hole_of(Image.fromarray(noisy)), wanted)


def test_sixteen_bits() -> None:
    deep = np.where(PAINTED, 0x8000, 0x7FFF).astype(np.uint16)
    np.testing.assert_array_equal(hole_of(Image.fromarray(deep)), PAINTED)


def test_alpha_counts_from_128() -> None:
    np.testing.assert_array_equal(hole_of(two_tone("RGBA", (0, 0, 0, 128), (0, 0, 0, 0))), PAINTED)
    assert not hole_of(two_tone("RGBA", (0, 0, 0, 127), (0, 0, 0, 0))).any()


def test_an_opaque_black_mask_paints_nothing() -> None:
    assert not hole_of(Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 255))).any()


@pytest.mark.parametrize(("file_format", "mode"), [("BMP", "RGB"), ("WEBP", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK")])
def test_any_format(file_format: str, mode: str) -> None:
    wide = Image.new("L", (64, 48))
    wide.paste(255, (16, 8, 56, 32))
    picture = Picture(np.zeros((48, 64, 3), np.uint8), "RGB", "PNG")
    hole = hole_of(wide.convert("RGB").convert(mode), picture, file_format)
    np.testing.assert_array_equal(hole, np.asarray(wide) > 0)


def test_size_must_match() -> None:
    with pytest.raises(SizeMismatch, match="mask is 6x8, the image is 8x6"):
        hole_of(Image.new("L", (HEIGHT, WIDTH)))


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_in_stored_orientation_is_turned_along(orientation: int) -> None:
    stored = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    stored[PAINTED] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    target = io.BytesIO()
    Image.fromarray(stored).save(target, "PNG", exif=exif)
    picture = decode_picture(target.getvalue(), 4096)
    upright = picture.pixels[..., 0] > 0
    as_stored = hole_of(Image.fromarray(PAINTED), picture)
    np.testing.assert_array_equal(as_stored, upright)
    np.testing.assert_array_equal(hole_of(Image.fromarray(upright), picture), upright)


def test_a_broken_mask_is_named() -> None:
    with pytest.raises(BrokenFile) as caught:
        decode_mask(b"\x89PNG\r\n\x1a\n", PICTURE, 4096)
    assert caught.value.subject == "mask"


def slowly_grown(hole: np.ndarray, radius: int) -> np.ndarray:
    """What growing means: the square of the distance to the nearest point, along each row and then across the rows."""
    y, x = map(np.arange, hole.shape)
    along = np.where(hole[:, np.newaxis], (x[:, np.newaxis] - x) ** 2, 10**6).min(axis=2)
    across = (y[:, np.newaxis, np.newaxis] - y[:, np.newaxis]) ** 2
    return np.asarray((across + along).min(axis=1) <= radius**2)


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 5, 12, 40, 10**30])
@pytest.mark.parametrize("density", [0.0005, 0.01, 0.9])
def test_grown_by_a_round_brush(radius: int, density: float) -> None:
    hole = np.random.default_rng(3).random((61, 97)) < density
    hole[30, 96] = True
    before = hole.copy()
    np.testing.assert_array_equal(grown(hole, radius), slowly_grown(hole, min(radius, 200)))
    np.testing.assert_array_equal(hole, before)


@pytest.mark.parametrize("corner", [(0, 0), (0, 39), (29, 0), (29, 39)])
def test_grown_at_the_edge(corner: tuple[int, int]) -> None:
    hole = np.zeros((30, 40), np.bool_)
    hole[corner] = True
    np.testing.assert_array_equal(grown(hole, 7), slowly_grown(hole, 7))


def test_nothing_grows_to_nothing_and_everything_to_everything() -> None:
    for value in (False, True):
        np.testing.assert_array_equal(grown(np.full((5, 7), value), 3), np.full((5, 7), value))


def test_grown_is_no_view() -> None:
    hole = np.eye(4, dtype=np.bool_)
    for radius in (0, 1):
        grown(hole, radius)[:] = True
        np.testing.assert_array_equal(hole, np.eye(4, dtype=np.bool_))
