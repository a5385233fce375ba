"""What of a mask is painted."""

import io

import numpy as np
import pytest
from PIL import Image

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.failures import BrokenFile, SizeMismatch
from image_erase.imaging.mask import decode_hole, grown
from image_erase.imaging.picture import Picture

WIDTH, HEIGHT = 8, 6
PICTURE = Picture(np.zeros((HEIGHT, WIDTH, 3), np.uint8), "RGB", "PNG")
PAINTED = np.zeros((HEIGHT, WIDTH), np.bool_)
PAINTED[1:4, 2:7] = True


def hole_of(image: Image.Image, picture: Picture = PICTURE, file_format: str = "PNG", **options: object) -> np.ndarray:
    target = io.BytesIO()
    image.save(target, file_format, **options)
    return decode_hole(target.getvalue(), picture, 4096)


def two_tone(mode: str, painted: object, kept: object) -> Image.Image:
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
        ("RGBA", (255, 255, 255, 10), (0, 0, 0, 255)),  # alpha has no say where luma tells them apart
        ("RGBA", (255, 255, 255, 255), (0, 0, 0, 0)),
        ("RGBA", (0, 0, 0, 255), (0, 0, 0, 0)),
        ("RGBA", (255, 255, 255, 255), (255, 255, 255, 0)),
        ("RGBA", (255, 0, 0, 200), (0, 0, 0, 0)),  # a red brush on a transparent canvas: luma is below white
    ],
)
def test_what_is_painted(mode: str, painted: object, kept: object) -> None:
    np.testing.assert_array_equal(hole_of(two_tone(mode, painted, kept)), PAINTED)


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
        decode_hole(b"\x89PNG\r\n\x1a\n", PICTURE, 4096)
    assert caught.value.subject == "mask"


def slowly_grown(hole: np.ndarray, radius: int) -> np.ndarray:
    """What growing means, point by point."""
    rows, columns = np.nonzero(hole)
    y, x = np.indices(hole.shape)
    near = (y[..., np.newaxis] - rows) ** 2 + (x[..., np.newaxis] - columns) ** 2 <= radius**2
    return near.any(axis=2)


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
