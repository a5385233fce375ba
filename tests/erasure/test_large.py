"""Holes filled through a reduced picture: every pixel is a copy, seams vanish, detail is kept."""

import cv2
import numpy as np
import pytest

from image_erase.erasure import copying as exemplar
from image_erase.erasure.arrays import Bool
from image_erase.erasure.copying import large, patchwork
from image_erase.erasure.copying.alignment import align
from image_erase.erasure.copying.membrane import Membrane
from image_erase.erasure.copying.patchwork import Patchwork


def nothing() -> None:
    """A check that never interrupts."""


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """HxWx3 uint8 of waves and grain."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[:height, :width]
    waves = 120 + 40 * np.sin(xs / 5) + 30 * np.sin(ys / 9)
    return np.clip(waves[:, :, None] + rng.normal(0, 10, (height, width, 3)), 0, 255).astype(np.uint8)


def disc(height: int, width: int, radius: int) -> Bool:
    return cv2.circle(np.zeros((height, width), np.uint8), (width // 2, height // 2), radius, 1, -1).astype(np.bool_)


def rendered(image: np.ndarray, blocks: Patchwork) -> np.ndarray:
    result = image.copy()
    patchwork.render(result, blocks, nothing)
    return result


def filled(image: np.ndarray, hole: Bool, factor: int) -> np.ndarray:
    guide = np.ascontiguousarray(image[:, :, :3])
    blocks = large.solve(guide, hole, ~hole, factor=factor, effort=exemplar.FAST, check=nothing)
    assert blocks is not None
    return rendered(image, blocks)


@pytest.mark.parametrize("factor", [2, 3, 5])
@pytest.mark.parametrize("shape", [(240, 300), (241, 299)])
def test_outside_nothing_changes_and_inside_nothing_of_the_hole_shows(factor: int, shape: tuple[int, int]) -> None:
    hole = disc(*shape, 50)
    dark = texture(*shape)
    light = dark.copy()
    dark[hole], light[hole] = 0, 255
    result = filled(dark, hole, factor)
    assert np.array_equal(result[~hole], dark[~hole])
    assert np.array_equal(result, filled(light, hole, factor))


def test_detail_finer_than_the_shrunken_picture_survives() -> None:
    image, hole = texture(300, 300), disc(300, 300, 60)
    grain = cv2.Laplacian(image[:, :, 1], cv2.CV_32F)
    result = cv2.Laplacian(filled(image, hole, 4)[:, :, 1], cv2.CV_32F)
    inner = disc(300, 300, 55)
    assert 0.85 < result[inner].std() / grain[inner].std() < 1.15


def test_every_channel_and_16_bits() -> None:
    image, hole = texture(160, 160), disc(160, 160, 40)
    deep = np.dstack([image.astype(np.uint16) * 257, image[:, :, :2].astype(np.uint16) * 257])
    guide = image
    blocks = large.solve(guide, hole, ~hole, factor=2, effort=exemplar.FAST, check=nothing)
    assert blocks is not None
    result = rendered(deep, blocks)
    assert result.dtype == np.uint16
    plain = rendered(image, blocks)
    assert np.abs(result[:, :, :3] / 257 - plain).max() <= 1


def test_nothing_wholly_known_gives_none() -> None:
    hole = np.ones((40, 40), np.bool_)
    hole[::4, ::4] = False
    assert large.solve(texture(40, 40), hole, ~hole, factor=4, effort=exemplar.FAST, check=nothing) is None


def test_only_valid_pixels_are_copied() -> None:
    image, hole = texture(200, 200), disc(200, 200, 40)
    image[:, :60] = (0, 0, 255)
    valid = ~hole
    valid[:, :60] = False
    blocks = large.solve(image, hole, valid, factor=2, effort=exemplar.FAST, check=nothing)
    assert blocks is not None
    copied = np.zeros_like(image[:, :, 0])
    blocks.gather(np.ascontiguousarray(image[:, :, 0]), copied)
    assert (copied[hole] > 0).all()


def test_align_moves_blocks_until_a_pattern_continues() -> None:
    ys, xs = np.mgrid[:96, :96]
    luma = ((xs // 3 + ys // 3) % 2 * 200 + (xs * 7 + ys * 13) % 31).astype(np.uint8)
    hole = np.zeros((96, 96), np.bool_)
    hole[40:56, 40:56] = True
    tops, lefts = np.zeros((24, 24), np.int32), np.zeros((24, 24), np.int32)
    rng = np.random.default_rng(0)
    tops[10:14, 10:14] = rng.integers(2, 8, (4, 4)) * 4
    lefts[10:14, 10:14] = rng.integers(2, 20, (4, 4)) * 4
    work = Patchwork(hole, ~hole, tops, lefts, 4)

    def error() -> float:
        shown = luma.copy()
        work.gather(luma, shown)
        return float(np.abs(np.diff(shown[38:58, 38:58].astype(int), axis=1)).mean())

    before = error()
    align(luma, work, nothing)
    assert error() < before
    origin = cv2.erode((~hole).astype(np.uint8), np.ones((4, 4), np.uint8), anchor=(0, 0), borderValue=0)
    assert origin[tops[10:14, 10:14], lefts[10:14, 10:14]].all()


def test_membrane_solves_the_poisson_equation() -> None:
    hole = disc(120, 140, 50)
    hole[:20, 60:80] = True
    wanted = np.where(hole, cv2.GaussianBlur(np.random.default_rng(0).normal(0, 900, hole.shape), (0, 0), 9), 0)
    kernel = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], float)
    degree = cv2.filter2D(np.ones_like(wanted), -1, kernel, borderType=cv2.BORDER_CONSTANT)
    divergence = degree * wanted - cv2.filter2D(wanted, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    solved = Membrane(hole).solve((divergence * hole).astype(np.float32))
    assert (solved[~hole] == 0).all()
    assert np.sqrt(np.mean((solved - wanted)[hole] ** 2)) < 0.5 * np.sqrt(np.mean(wanted[hole] ** 2))


def test_a_step_in_brightness_at_the_rim_is_evened_out() -> None:
    image = np.full((100, 200, 3), 100, np.uint8)
    image[:, 100:] = 120
    hole = np.zeros((100, 200), np.bool_)
    hole[30:70, 120:160] = True
    tops, lefts = (np.indices((25, 50)) * 4).astype(np.int32)
    lefts -= 100
    result = rendered(image, Patchwork(hole, ~hole, tops, lefts, 4))
    assert np.abs(result[hole].astype(int) - 120).max() <= 8
