"""Soft rims belong to the hole; hard edges and the ringing of JPEGs do not make it larger."""

import io
from functools import cache, lru_cache
from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from image_erase.imaging.mask import Mask, decode_mask, grown
from image_erase.imaging.picture import Picture
from image_erase.jobs.job import erase_file, make_eraser
from image_erase.jobs.options import JobOptions
from support.pictures import file_of

WIDTH, HEIGHT = 300, 200
PICTURE = Picture(np.zeros((HEIGHT, WIDTH, 3), np.uint8), "RGB", "PNG")
FINER = 8
Levels = NDArray[np.uint8]


@lru_cache(8)
def covered(shape: str, seed: int = 0) -> Levels:
    """How much of each pixel a shape covers."""
    random = np.random.default_rng(seed)
    canvas = Image.new("L", (WIDTH * FINER, HEIGHT * FINER))
    draw = ImageDraw.Draw(canvas)
    if shape == "text":
        draw.text((80, 400), "SAMPLE 2024", font=ImageFont.load_default(size=44 * FINER), fill=255)
    else:
        for x, y, size in random.integers([20, 20, 8], [WIDTH - 80, HEIGHT - 80, 60], (4, 3)) * FINER:
            corner = (int(x) + 3, int(y) + 5)
            if shape == "discs":
                draw.ellipse((*corner, corner[0] + int(size), corner[1] + int(size)), fill=255)
            else:
                draw.line((*corner, corner[1], corner[0] // 2), fill=255, width=5 * FINER + int(size) // 9)
    return np.asarray(canvas.resize((WIDTH, HEIGHT), Image.Resampling.BOX))


def read(levels: Levels, file_format: str = "PNG", **options: object) -> Mask:
    return decode_mask(file_of(Image.fromarray(levels), file_format, **options), PICTURE, 4096)


@pytest.mark.parametrize("shape", ["discs", "lines", "text"])
def test_all_of_an_antialiased_edge_is_erased(shape: str) -> None:
    levels = covered(shape)
    mask = read(levels)
    np.testing.assert_array_equal(mask.hole[levels > 6], True)
    assert not mask.hole[levels == 0].any()
    assert not mask.half_covered.any()


@pytest.mark.parametrize("shape", ["discs", "lines", "text"])
@pytest.mark.parametrize("ground", [0, 40, 127])
def test_a_hard_edge_is_not_grown(shape: str, ground: int) -> None:
    for bright in (255, 128):
        levels = np.where(covered(shape) >= 128, bright, ground).astype(np.uint8)
        mask = read(levels)
        np.testing.assert_array_equal(mask.hole, levels >= 128)
        assert not mask.half_covered.any()


@pytest.mark.parametrize("shape", ["discs", "lines", "text"])
@pytest.mark.parametrize("quality", [75, 85, 95])
@pytest.mark.parametrize("kept_as", ["JPEG", "PNG"])
def test_ringing_does_not_grow_a_hard_edge(shape: str, quality: int, kept_as: str) -> None:
    hard = np.where(covered(shape) >= 128, 255, 0).astype(np.uint8)
    data = file_of(Image.fromarray(hard), "JPEG", quality=quality)
    with Image.open(io.BytesIO(data)) as image:
        levels = np.asarray(image)
    mask = decode_mask(data, PICTURE, 4096) if kept_as == "JPEG" else read(levels)
    assert (mask.hole != (levels >= 128)).sum() <= 0.002 * (levels >= 128).sum()
    assert mask.half_covered.sum() <= 5


@pytest.mark.parametrize("shape", ["discs", "lines", "text"])
def test_a_jpeg_of_an_antialiased_edge(shape: str) -> None:
    levels = covered(shape)
    mask = read(levels, "JPEG", quality=90)
    assert mask.hole[levels > 40].mean() > 0.98
    assert mask.hole[levels == 0].mean() < 0.005


def test_a_soft_brush_is_erased_two_pixels_further_and_shown_as_half_covered_beyond() -> None:
    disc = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(disc).ellipse((100, 50, 190, 140), fill=255)
    levels = np.asarray(disc.filter(ImageFilter.GaussianBlur(8)))
    mask = read(levels)
    core = levels >= 128
    np.testing.assert_array_equal(mask.hole, grown(core, 2))
    assert mask.half_covered[(levels > 25) & ~mask.hole].all()
    assert not mask.half_covered[levels == 0].any()
    assert not (mask.half_covered & mask.hole).any()


@example(seed=485, shape="lines", blur=2.0)  # a valley of two pixels between two rims
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), shape=st.sampled_from(["discs", "lines"]), blur=st.floats(0, 6))
def test_any_mask(seed: int, shape: str, blur: float) -> None:
    levels = np.asarray(Image.fromarray(covered(shape, seed)).filter(ImageFilter.GaussianBlur(blur)))
    mask, core = read(levels), levels >= 128
    if not core.any():
        assert not mask.hole.any()
        return
    assert mask.hole[core].all()
    assert not (mask.hole & ~grown(core, 2)).any()
    assert not mask.hole[levels < 5].any()
    outside = ~mask.hole & (levels > 40)
    joined = cv2.connectedComponents(((levels > 40) | mask.hole).view(np.uint8))[1]
    assert mask.half_covered[outside & np.isin(joined, np.unique(joined[core]))].all()


def test_the_rim_is_turned_along() -> None:
    levels = covered("discs")
    picture = Picture(np.zeros((WIDTH, HEIGHT, 3), np.uint8), "RGB", "JPEG", orientation=6)
    upright = decode_mask(file_of(Image.fromarray(np.rot90(levels, -1))), picture, 4096)
    stored = decode_mask(file_of(Image.fromarray(levels)), picture, 4096)
    np.testing.assert_array_equal(stored.hole, upright.hole)
    np.testing.assert_array_equal(stored.half_covered, upright.half_covered)


def erased(image: Levels, levels: Levels, engine: Literal["auto", "opencv"] = "opencv") -> NDArray[np.float64]:
    own = JobOptions(engine=engine)
    files = file_of(Image.fromarray(image)), file_of(Image.fromarray(levels))
    done = erase_file(*files, own, make_eraser(own), time_left=lambda: 60.0)
    with Image.open(io.BytesIO(done.data)) as result:
        return np.asarray(result).astype(np.float64)


@pytest.mark.parametrize("blur", [0, 3])
def test_no_ghost_is_left_of_what_was_painted(blur: float) -> None:
    """Dark text over a smooth ground, with the text itself as the mask."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    ground = np.dstack([120 + x * 0.3, 140 + y * 0.4, 200 - x * 0.2])
    levels = np.asarray(Image.fromarray(covered("text")).filter(ImageFilter.GaussianBlur(blur)))
    share = levels[..., np.newaxis] / 255
    image = np.rint(ground * (1 - share) + 20 * share).astype(np.uint8)
    result = erased(image, levels)
    mask = read(levels)
    assert np.abs(result - ground)[mask.hole].mean() < (3 if blur else 1.5)
    np.testing.assert_array_equal(result[~mask.hole], image[~mask.hole])


def texture(seed: int) -> Levels:
    """Rough ground of two sizes of grain, brighter than ink."""
    random = np.random.default_rng(seed)
    fine, coarse = (cv2.GaussianBlur(random.normal(0, 1, (HEIGHT, WIDTH, 3)), (0, 0), sigma) for sigma in (0.7, 3))
    return np.clip(np.rint(150 + 20 * fine / fine.std() + 15 * coarse / coarse.std()), 90, 255).astype(np.uint8)


def written(ground: Levels, share: Levels) -> Levels:
    """Dark ink over a picture, where share (HxW, 255 is all) says how much."""
    covering = share[..., np.newaxis] / 255
    return np.rint(ground * (1 - covering) + 20 * covering).astype(np.uint8)


@cache
def written_on_texture(beside: str) -> tuple[Levels, NDArray[np.float64]]:
    """A text over a texture, with another text below it or none, and what it is if all of what it covers is erased."""
    ground = texture(1)
    if beside == "text":
        ground = written(ground, np.roll(covered("text"), 60, axis=0))
    image = written(ground, covered("text"))
    return image, erased(image, np.where(covered("text") > 0, np.uint8(255), np.uint8(0)), "auto")


@pytest.mark.parametrize("blur", [0, 1.5])
@pytest.mark.parametrize("beside", ["nothing", "text"])
def test_no_ghost_of_a_text_is_left_in_a_texture(blur: float, beside: str) -> None:
    """The text is as invisible as where the whole of what it covers is erased; the mask is the text itself."""
    image, whole = written_on_texture(beside)
    levels = np.asarray(Image.fromarray(covered("text")).filter(ImageFilter.GaussianBlur(blur)))
    mask = read(levels)
    result = erased(image, levels, "auto")
    rim = mask.hole & (covered("text") > 0) & (covered("text") < 250)
    assert np.mean(whole[rim]) - np.mean(result[rim]) < 4
    darker = [float(np.mean(picture[mask.hole].min(axis=-1) < 75)) for picture in (result, whole)]
    assert darker[0] <= darker[1] + 0.01
    np.testing.assert_array_equal(result[~mask.hole], image[~mask.hole])


@pytest.mark.parametrize("shape", ["discs", "lines", "text"])
def test_beside_a_hard_edge_nothing_changes(shape: str) -> None:
    image, hole = texture(2), covered(shape) >= 128
    result = erased(image, np.where(hole, np.uint8(255), np.uint8(0)), "auto")
    np.testing.assert_array_equal(result[~hole], image[~hole])
    assert (result[hole] != image[hole]).any(axis=-1).mean() > 0.9


def test_a_mask_that_half_covers_all_is_still_filled() -> None:
    levels = np.linspace(20, 255, WIDTH, dtype=np.uint8)[np.newaxis].repeat(HEIGHT, axis=0)
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    np.testing.assert_allclose(erased(image, levels), 90, atol=2)
