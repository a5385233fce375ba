"""Selecting the object that a rough mask marks."""

from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_erase.selecting.selector import NothingMarked, Selection, select
from image_erase.selecting.strokes import Kind

HEIGHT, WIDTH = 300, 420
CENTRE, RADII = (200, 140), (90, 55)


def canvas() -> np.ndarray:
    return np.zeros((HEIGHT, WIDTH), np.uint8)


def thing() -> np.ndarray:
    """An ellipse."""
    return cv2.ellipse(canvas(), CENTRE, RADII, 20, 0, 360, 1, cv2.FILLED) > 0


def picture(inside: tuple[int, int, int] = (60, 90, 200), noise: float = 12.0) -> np.ndarray:
    """The thing on uneven greenish ground."""
    return _drawn(inside, noise).copy()


@cache
def _drawn(inside: tuple[int, int, int], noise: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    ground = np.tile(np.linspace(90, 160, WIDTH)[None, :, None], (HEIGHT, 1, 3)) * (0.7, 1.0, 0.6)
    image = np.where(thing()[..., None], inside, ground) + rng.normal(0, noise, (HEIGHT, WIDTH, 3))
    return np.clip(image, 0, 255).astype(np.uint8)


def scribble() -> np.ndarray:
    return line((150, 120), (190, 150), (240, 150))


def line(*points: tuple[int, int], width: int = 5) -> np.ndarray:
    return cv2.polylines(canvas(), [np.array(points)], False, 1, width) > 0


def lasso(gap: int = 0) -> np.ndarray:
    return cv2.ellipse(canvas(), CENTRE, (115, 78), 20, gap, 360, 1, 3) > 0


def blob() -> np.ndarray:
    return cv2.ellipse(canvas(), (208, 132), (95, 52), 12, 0, 360, 1, cv2.FILLED) > 0


ROUGH = {
    "scribble": scribble(),
    "two scribbles": scribble() | line((180, 115), (230, 125)),
    "scribble and dot": scribble() | (cv2.circle(canvas(), (215, 120), 3, 1, cv2.FILLED) > 0),
    "loop": line((135, 125), (200, 120), (225, 140), (200, 160), (180, 150), (200, 115), (250, 160)),
    "zigzag": line((130, 115), (160, 150), (175, 115), (190, 165), (205, 120), (225, 170), (240, 140), (260, 175)),
    "hatching": line(*((x, y) for i, x in enumerate(range(150, 260, 6)) for y in ((125, 155)[i % 2],)), width=3),
    "lasso": lasso(),
    "open lasso": lasso(14),
    "blob": blob(),
    "blob with pinholes": blob() & (np.random.default_rng(0).random((HEIGHT, WIDTH)) > 0.01),
}


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def answer(image: np.ndarray, rough: np.ndarray, seconds: float = 60.0) -> Selection:
    return select(image, rough, lambda: seconds)


@pytest.mark.parametrize("name", ROUGH)
def test_the_thing_is_found(name: str) -> None:
    selection = answer(picture(), ROUGH[name])
    assert selection.found
    assert iou(selection.mask, thing()) > 0.97


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("scribble", Kind.SCRIBBLE),
        ("two scribbles", Kind.SCRIBBLE),
        ("scribble and dot", Kind.SCRIBBLE),
        ("loop", Kind.SCRIBBLE),
        ("zigzag", Kind.SCRIBBLE),
        ("hatching", Kind.SCRIBBLE),
        ("lasso", Kind.LASSO),
        ("open lasso", Kind.LASSO),
        ("blob", Kind.BLOB),
        ("blob with pinholes", Kind.BLOB),
    ],
)
@pytest.mark.parametrize("scale", [1, 4])
def test_strokes_are_told_apart_by_their_shape(name: str, kind: Kind, scale: int) -> None:
    image, rough = (each.repeat(scale, 0).repeat(scale, 1) for each in (picture(), ROUGH[name]))
    assert set(answer(image, rough).kinds) == {kind}


def test_the_rim_is_that_of_the_full_picture() -> None:
    size = 4 * WIDTH, 4 * HEIGHT
    large = cv2.resize(thing().astype(np.float32), size, interpolation=cv2.INTER_CUBIC) > 0.5
    image = np.where(large[..., None], (60, 90, 200), (80, 140, 90)).astype(np.uint8)
    rough = cv2.resize(blob().view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    mask = answer(image, rough).mask
    rim = cv2.morphologyEx(large.view(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    assert (mask != large).sum() < rim.sum() / 4


def test_the_thing_is_one_with_its_inside() -> None:
    image = picture()
    image[130:145, 195:215] = image[5:20, 5:25]
    assert answer(image, lasso()).mask[137, 205]


def test_a_frame_around_the_picture_encloses_no_thing() -> None:
    image = picture()
    cv2.line(image, (0, 140), (130, 140), (60, 90, 200), 6)
    cv2.rectangle(image, (0, 0), (WIDTH - 1, HEIGHT - 1), (60, 90, 200), 3)
    assert answer(image, scribble()).mask.mean() < 0.3


def test_what_is_alike_elsewhere_is_left_alone() -> None:
    image = picture()
    cv2.circle(image, (360, 250), 25, (60, 90, 200), cv2.FILLED)
    assert not answer(image, scribble()).mask[240:260, 350:370].any()


@pytest.mark.parametrize("rough", [scribble(), blob(), lasso()], ids=["scribble", "blob", "lasso"])
def test_in_a_flat_picture_the_answer_is_about_what_was_drawn(rough: np.ndarray) -> None:
    mask = answer(np.full((HEIGHT, WIDTH, 3), 120, np.uint8), rough).mask
    assert mask.any()
    assert not mask.all()
    assert mask[rough].mean() > 0.4 or mask[CENTRE[1], CENTRE[0]]


def test_a_full_mask_is_answered_by_itself() -> None:
    assert answer(picture(), np.ones((HEIGHT, WIDTH), np.bool_)).mask.all()


def test_an_empty_mask_means_nothing() -> None:
    with pytest.raises(NothingMarked):
        answer(picture(), canvas() > 0)


def test_the_same_arguments_give_the_same_answer() -> None:
    image = picture(noise=40.0)
    masks = []
    for seed in (0, 1):
        cv2.setRNGSeed(seed)
        masks.append(answer(image, scribble()).mask)
    np.testing.assert_array_equal(masks[0], masks[1])


@pytest.mark.parametrize("seconds", [0.0, 0.3, 0.6])
def test_there_is_an_answer_when_time_is_short(seconds: float) -> None:
    mask = answer(picture(), blob(), seconds).mask
    assert iou(mask, thing()) > 0.7


def test_the_arguments_stay_as_they_are() -> None:
    image, rough = picture(), scribble()
    image.flags.writeable = rough.flags.writeable = False
    answer(image, rough)


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    seed=st.integers(0, 2**32 - 1),
    density=st.floats(0.0, 1.0),
    cell=st.integers(1, 20),
)
def test_no_mask_is_answered_by_an_empty_or_a_full_one(
    height: int, width: int, seed: int, density: float, cell: int
) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    cells = rng.random((height // cell + 1, width // cell + 1)) < density
    rough = np.kron(cells, np.ones((cell, cell), np.bool_))[:height, :width]
    if not rough.any():
        return
    mask = answer(image, rough).mask
    assert mask.shape == rough.shape
    assert mask.any()
    assert rough.all() or not mask.all()
