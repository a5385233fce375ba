"""Transparency and 16 bits: hidden colours have no influence, and faint ones keep their precision."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_erase.erasure.arrays import Bool, Pixels
from image_erase.erasure.eraser import Eraser, EraserOptions


def plenty() -> float:
    return 25.0


def erased(image: Pixels, hole: Bool, engine: str = "auto") -> Pixels:
    small = (image >> 8 if image.dtype == np.uint16 else image).astype(np.uint8)
    guide = np.ascontiguousarray(small[:, :, :3] if image.shape[2] > 3 else np.repeat(small[:, :, :1], 3, axis=2))
    options = EraserOptions(engine=engine)  # type: ignore[arg-type]
    return Eraser(options).erase(image, guide, hole, alpha=image.shape[2] in (2, 4), time_left=plenty).image


def box(shape: tuple[int, int], rows: slice, columns: slice) -> Bool:
    hole = np.zeros(shape, np.bool_)
    hole[rows, columns] = True
    return hole


@pytest.mark.parametrize("engine", ["auto", "exemplar", "opencv"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_white_card_on_hidden_white_stays_opaque(engine: str, dtype: type) -> None:
    most = np.iinfo(dtype).max
    image: np.ndarray = np.full((48, 64, 4), most, dtype)
    image[..., 3] = 0
    image[8:40, 8:56, 3] = most
    image[20:31, 24:40, :3] = 0
    hole = box((48, 64), slice(16, 35), slice(20, 44))
    assert (erased(image, hole, engine)[hole] == most).all()


@pytest.mark.parametrize("engine", ["auto", "exemplar", "opencv"])
def test_grainy_paper_has_no_moth_holes(engine: str) -> None:
    rng = np.random.default_rng(0)
    image = np.dstack([rng.normal(235, 6, (120, 160, 1)).clip(0, 255).repeat(3, 2), np.zeros((120, 160))])
    image = image.astype(np.uint8)
    image[20:100, 20:140, 3] = 255
    hole = box((120, 160), slice(45, 70), slice(45, 110))
    result = erased(image, hole, engine)
    assert (result[hole][:, 3] == 255).all()
    assert abs(float(result[hole][:, :3].mean()) - 235) < 5


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    st.sampled_from([2, 4]),
    st.sampled_from([np.uint8, np.uint16]),
    st.sampled_from(["auto", "exemplar", "opencv"]),
    st.integers(0, 8),
    st.integers(0, 99),
)
def test_hidden_colours_count_nowhere(channels: int, dtype: type, engine: str, margin: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    most = np.iinfo(dtype).max
    noise = cv2.GaussianBlur(rng.random((60, 70, channels)), (0, 0), 2).reshape(60, 70, channels)
    image = ((noise - noise.min()) / np.ptp(noise) * most).astype(dtype)
    image[..., -1] = 0
    image[15:50, 15:60, -1] = most
    hole = box((60, 70), slice(15 + margin, 35), slice(15 + margin, 45))
    other = image.copy()
    hidden = image[..., -1] == 0
    other[hidden, :-1] = rng.integers(0, most, (int(hidden.sum()), channels - 1))
    first, second = erased(image, hole, engine), erased(other, hole, engine)
    assert np.array_equal(first[hole], second[hole])
    assert np.array_equal(first[~hole], image[~hole])
    assert np.array_equal(second[~hole], other[~hole])
    if margin > 4:
        assert (first[hole][:, -1] == most).all()


def test_a_hole_in_nothing_stays_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 60, 4), dtype=np.uint8)
    image[:30, :, 3] = 0
    hole = box((60, 60), slice(5, 20), slice(20, 40))
    assert (erased(image, hole)[hole][:, 3] == 0).all()


def test_the_edge_of_a_cutout_is_continued() -> None:
    rng = np.random.default_rng(1)
    image = rng.normal(150, 10, (100, 120, 4)).clip(0, 255).astype(np.uint8)
    image[..., 3] = 0
    image[50:, :, 3] = 255
    hole = box((100, 120), slice(35, 66), slice(45, 75))
    alpha = erased(image, hole)[..., 3]
    truth = image[..., 3]
    assert np.abs(alpha[hole].astype(int) - truth[hole]).mean() < 20


@pytest.mark.parametrize(("low", "high", "grain"), [(100, 140, 4), (30000, 30050, 3), (0, 2000, 40), (65000, 65300, 9)])
def test_few_of_16_bits_are_seen(low: int, high: int, grain: int) -> None:
    ys, xs = np.mgrid[:120, :150]
    truth = np.where(xs + ys // 3 < 95, low, high)
    noise = np.random.default_rng(0).integers(0, grain, truth.shape)
    image = (truth + noise).astype(np.uint16)[:, :, None]
    hole = box((120, 150), slice(40, 80), slice(55, 95))
    image[hole] = 65535
    result = erased(image, hole, "exemplar")[..., 0].astype(int)
    wrong = np.abs(result - truth)[hole] > (high - low) / 2
    assert wrong.mean() < 0.06
