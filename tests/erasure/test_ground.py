"""The level of smooth ground continues under a hole: highlights stay bright, hollows dark, and grain is kept."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from image_erase.erasure.arrays import Bool
from image_erase.erasure.eraser import Eraser, EraserOptions

Surface = NDArray[np.float64]

PLACES = {"middle": (0.5, 0.5), "left": (0.5, 0.05), "corner": (0.95, 0.95), "top": (0.1, 0.5)}


def plenty() -> float:
    return 25.0


def coordinates(radius: int, place: str) -> tuple[Surface, Surface]:
    """y and x of every pixel, in radii from the middle of the hole."""
    side = 6 * radius + 60
    at = [side * share for share in PLACES[place]]
    ys, xs = np.mgrid[:side, :side]
    return (ys - at[0]) / radius, (xs - at[1]) / radius


def peak(y: Surface, x: Surface, width: float) -> Surface:
    return np.asarray(np.exp(-(y**2 + x**2) / (2 * width**2)), np.float64)


def polynomial(y: Surface, x: Surface, coefficients: list[float]) -> Surface:
    terms = (x, y, x * x / 2, x * y, y * y / 2, x**3 / 6, x * x * y / 6, x * y * y / 6, y**3 / 6)
    return np.asarray(sum(c * term for c, term in zip(coefficients, terms, strict=False)), np.float64)


def ranged(surface: Surface, near: Bool, low: float, high: float) -> Surface:
    """The surface scaled to lie between low and high where it counts."""
    lowest, highest = surface[near].min(), surface[near].max()
    return np.clip((surface - lowest) / max(highest - lowest, 1e-6) * (high - low) + low, 2, 253)


def erased(picture: Surface, hole: Bool, noise: float, seed: int, depth: int, channels: int) -> Surface:
    """The picture after erasing, in grey levels of 255; depth in bits."""
    scale = 257 if depth == 16 else 1
    grain = np.random.default_rng(seed).normal(0, noise, (*picture.shape, channels))
    shown = np.clip(np.rint((picture[:, :, None] + grain) * scale), 0, 255 * scale)
    image = shown.astype(np.uint16 if depth == 16 else np.uint8)
    image[hole] = 0
    shown = (image // scale).astype(np.uint8)
    guide = np.ascontiguousarray(shown[:, :, :3] if channels >= 3 else np.repeat(shown, 3, axis=2))
    return Eraser(EraserOptions()).erase(image, guide, hole, time_left=plenty).image / scale


def levels(truth: Surface, result: Surface, hole: Bool, middle: Bool) -> tuple[float, float, float]:
    """Of the ring around the hole, of the truth in its middle, and of the result there."""
    ring = (cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0) & ~hole
    return float(truth[ring].mean()), float(truth[middle].mean()), float(result[middle].mean())


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=9),
    st.tuples(st.floats(-1.5, 1.5), st.floats(1.0, 3.0)),
    st.integers(12, 22),
    st.sampled_from(sorted(PLACES)),
    st.floats(15, 110),
    st.sampled_from([0.0, 1.0, 3.0, 6.0]),
    st.sampled_from([(8, 3), (8, 1), (16, 3), (8, 4)]),
    st.integers(0, 99),
)
def test_smooth_ground_goes_on(
    coefficients: list[float],
    gauss: tuple[float, float],
    radius: int,
    place: str,
    contrast: float,
    noise: float,
    layout: tuple[int, int],
    seed: int,
) -> None:
    y, x = coordinates(radius, place)
    far = np.hypot(y, x)
    surface = polynomial(y, x, coefficients) + 3 * gauss[0] * peak(y, x, gauss[1])
    truth = ranged(surface, far < 2.5, 120 - contrast, 120 + contrast)
    hole, middle = far <= 1, far <= 0.35
    result = erased(truth, hole, noise, seed, *layout)
    ring, wanted, got = levels(truth, result, hole, middle)
    # In a corner only a quarter of the surroundings is known, and extrapolating grain is uncertain.
    slack = 2.5 + (2.5 if place == "corner" else 0.5) * noise
    assert abs(got - wanted) <= abs(ring - wanted) + slack
    assert (got - ring) * np.sign(wanted - ring) >= -slack


@pytest.mark.parametrize("height", [80, -80])
@pytest.mark.parametrize(("radius", "width"), [(12, 1.4), (40, 1.8), (60, 1.3)])
@pytest.mark.parametrize("place", sorted(PLACES))
def test_highlights_and_hollows(height: int, radius: int, width: float, place: str) -> None:
    y, x = coordinates(radius, place)
    truth = 130 + height * peak(y, x, width)
    hole, middle = np.hypot(y, x) <= 1, np.hypot(y, x) <= 0.35
    ring, wanted, got = levels(truth, erased(truth, hole, 2, 0, 8, 3), hole, middle)
    assert abs(got - wanted) < 0.3 * abs(ring - wanted) + 2


def test_jpeg_noise_does_not_matter() -> None:
    y, x = coordinates(30, "middle")
    truth = 130 + 80 * peak(y, x, 1.5)
    hole, middle = np.hypot(y, x) <= 1, np.hypot(y, x) <= 0.35
    picture = np.repeat(np.rint(truth).astype(np.uint8)[:, :, None], 3, axis=2)
    decoded = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 70])[1], cv2.IMREAD_COLOR)
    image = np.asarray(decoded, np.uint8)
    result = Eraser(EraserOptions()).erase(image, image, hole, time_left=plenty).image
    ring, wanted, got = levels(truth, result.astype(np.float64), hole, middle)
    assert abs(got - wanted) < 0.3 * abs(ring - wanted) + 2


def test_a_large_hole_is_filled_at_the_right_level() -> None:
    y, x = coordinates(150, "middle")
    truth = 120 + 90 * peak(y, x, 1.6)
    hole, middle = np.hypot(y, x) <= 1, np.hypot(y, x) <= 0.35
    ring, wanted, got = levels(truth, erased(truth, hole, 2, 0, 8, 3), hole, middle)
    assert abs(got - wanted) < 0.2 * abs(ring - wanted)


@pytest.mark.parametrize("radius", [20, 150])
def test_grain_is_as_strong_as_around(radius: int) -> None:
    y, x = coordinates(radius, "middle")
    hole, middle = np.hypot(y, x) <= 1, np.hypot(y, x) <= 0.7
    result = erased(120 + 70 * peak(y, x, 1.5), hole, 6, 3, 8, 1)[:, :, 0]
    grain = cv2.Laplacian(result, cv2.CV_64F)
    assert 0.75 < grain[middle].std() / grain[np.hypot(y, x) > 1.2].std() < 1.15


def test_a_wire_on_smooth_ground_still_crosses_the_hole() -> None:
    y, x = coordinates(25, "middle")
    truth = 140 + 70 * peak(y, x, 2.0)
    wire = np.abs(y - 0.3 * x) < 0.08
    truth[wire] -= 60
    hole = np.hypot(y, x) <= 1
    result = erased(truth, hole, 1, 0, 8, 3).mean(axis=2)
    beside = (np.abs(y - 0.3 * x) > 0.16) & (np.abs(y - 0.3 * x) < 0.4)
    assert result[hole & beside].mean() - result[hole & wire].mean() > 40
    assert abs(result[hole & beside].mean() - truth[hole & beside].mean()) < 6


def test_an_edge_between_two_grounds_stays_an_edge() -> None:
    y, x = coordinates(25, "middle")
    truth = np.where(y > 0.1 * x, 60 + 5 * x, 170 + 30 * peak(y, x, 2))
    hole = np.hypot(y, x) <= 1
    result = erased(truth, hole, 1, 0, 8, 3)
    assert np.abs(result[hole].mean(axis=1) - truth[hole]).mean() < 8


def two_surfaces(
    radius: int, low: list[float], high: list[float], contrast: float, angle: float, bend: float
) -> tuple[Surface, Bool, Bool]:
    """Two smooth surfaces that meet in a hole, the hole, and where the brighter of them is."""
    y, x = coordinates(radius, "middle")
    far = np.hypot(y, x)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    beyond = (across - 0.15 - bend * along**2) * radius
    dark = ranged(polynomial(y, x, low) + peak(y - 0.3, x, 1.5), far < 2.5, 65 - contrast, 65 + contrast)
    bright = ranged(polynomial(y, x, high) - peak(y, x + 0.3, 2), far < 2.5, 190 - contrast, 190 + contrast)
    share = np.clip(beyond + 0.5, 0, 1)
    return dark * (1 - share) + bright * share, far <= 1, beyond > 0


def assert_both_levels_go_on(truth: Surface, result: Surface, hole: Bool, bright: Bool, slack: float) -> None:
    near = cv2.dilate(hole.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    for side in (bright, ~bright):
        inner = cv2.erode(side.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        if np.count_nonzero(hole & inner) < 60:
            continue
        ring, wanted, got = (
            float(a[inner & b].mean()) for a, b in ((truth, near & ~hole), (truth, hole), (result, hole))
        )
        assert abs(got - wanted) <= abs(ring - wanted) + slack
        assert np.abs(result - truth)[hole & inner].mean() < 2.5 * slack


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1.0, 3.0]), st.sampled_from([(8, 3), (8, 1), (16, 3), (8, 4)]))
def test_where_two_surfaces_meet_each_level_goes_on(seed: int, noise: float, layout: tuple[int, int]) -> None:
    random = np.random.default_rng(seed)
    low, high = (random.uniform(-1, 1, random.integers(2, 7)).tolist() for _ in range(2))
    contrast, angle, bend = random.uniform([15, 0, -0.1], [45, 3.14, 0.1])
    truth, hole, bright = two_surfaces(int(random.integers(16, 30)), low, high, contrast, angle, bend)
    result = erased(truth, hole, noise, seed, *layout).mean(axis=2)
    assert_both_levels_go_on(truth, result, hole, bright, 2 + 0.5 * noise)


@pytest.mark.parametrize("bend", [0.0, 0.15])
def test_two_surfaces_meet_in_a_large_hole(bend: float) -> None:
    truth, hole, bright = two_surfaces(120, [1, 0.5], [-1, 1, 0.5], 40, 0.4, bend)
    result = erased(truth, hole, 2, 0, 8, 3).mean(axis=2)
    assert_both_levels_go_on(truth, result, hole, bright, 3)
    assert np.abs(result - truth)[hole].mean() < 5


def test_three_surfaces_keep_their_levels() -> None:
    y, x = coordinates(40, "middle")
    truth = np.select([x < -0.2, y > 0.1], [60 + 20 * y, 130 + 15 * x], 200 - 20 * peak(y, x, 1.5))
    hole = np.hypot(y, x) <= 1
    result = erased(truth, hole, 1, 0, 8, 3).mean(axis=2)
    assert np.median(np.abs(result - truth)[hole]) < 4
