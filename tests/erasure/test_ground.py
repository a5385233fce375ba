"""The level of smooth ground goes on under a hole: highlights stay bright, hollows stay dark, grain stays."""

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
    slack = 1.5 + 0.5 * noise
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
