"""Diffusion on crops equals OpenCV's result for the whole picture, for every layout of channels."""

import cv2
import numpy as np
import pytest

from image_erase.erasure import diffusion
from image_erase.erasure.arrays import Bool
from image_erase.erasure.diffusion import RADIUS


def picture(height: int, width: int, channels: int = 3, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    """Soft blobs with fine grain, so that every neighbour matters."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.random((height, width, channels)).astype(np.float32), (0, 0), 5)
    noise = noise.reshape(height, width, channels) + 0.02 * rng.random((height, width, channels))
    scale = (noise - noise.min()) / (np.ptp(noise) + 1e-9)
    return (scale * np.iinfo(dtype).max).astype(dtype)


def whole(image: np.ndarray, hole: Bool, frame: int = 0) -> np.ndarray:
    """OpenCV on the whole picture, with `frame` rows and columns of hole at the top and the left."""
    mask = np.pad(hole.astype(np.uint8), ((frame, 0), (frame, 0)), constant_values=1)
    padded = np.pad(image, ((frame, 0), (frame, 0), (0, 0)))
    planes = [
        cv2.inpaint(np.ascontiguousarray(padded[:, :, c]), mask, RADIUS, cv2.INPAINT_TELEA)
        for c in range(image.shape[2])
    ]
    return np.dstack(planes)[frame:, frame:]


def strokes(height: int, width: int, seed: int, margin: int = 0) -> Bool:
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(1, 9))):
        ends = rng.integers(-20, [width + 20, height + 20], (2, 2)).tolist()
        near = [ends[0], [ends[0][0] + int(rng.integers(-40, 40)), ends[0][1] + int(rng.integers(-40, 40))]]
        begin, end = near if rng.random() < 0.7 else ends
        cv2.line(mask, begin, end, 1, int(rng.integers(1, 14)))
    if margin:
        mask[:margin], mask[:, :margin] = 0, 0
    return mask.astype(np.bool_)


@pytest.mark.parametrize("seed", range(12))
def test_inside_the_picture_crops_equal_the_whole(seed: int) -> None:
    image, hole = picture(240, 320, seed=seed), strokes(240, 320, seed, margin=RADIUS + 2)
    assert np.array_equal(diffusion.fill(image, hole), whole(image, hole))


@pytest.mark.parametrize("seed", range(12))
def test_at_borders_crops_equal_the_framed_whole(seed: int) -> None:
    image, hole = picture(200, 260, seed=seed), strokes(200, 260, 100 + seed)
    assert np.array_equal(diffusion.fill(image, hole), whole(image, hole, frame=1))


def test_bottom_and_right_borders_equal_the_plain_whole() -> None:
    image, hole = picture(100, 120), np.zeros((100, 120), np.bool_)
    hole[90:, 30:60], hole[40:60, 112:], hole[94:, 115:] = True, True, True
    assert np.array_equal(diffusion.fill(image, hole), whole(image, hole))


@pytest.mark.parametrize("distance", range(1, 20))
def test_two_parts_at_any_distance_equal_the_whole(distance: int) -> None:
    image, hole = picture(80, 120), np.zeros((80, 120), np.bool_)
    hole[30:50, 30:45], hole[33:49, 45 + distance : 60 + distance] = True, True
    assert np.array_equal(diffusion.fill(image, hole), whole(image, hole))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_every_channel_is_filled_as_a_plane_of_its_own(channels: int, dtype: type) -> None:
    image, hole = picture(60, 70, channels, dtype), np.zeros((60, 70), np.bool_)
    hole[20:40, 25:45] = True
    result = diffusion.fill(image, hole)
    assert result.dtype == image.dtype
    assert np.array_equal(result, whole(image, hole))


@pytest.mark.parametrize("most", [10**9, 500])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_of_what_was_erased_shows(seed: int, most: int) -> None:
    hole = strokes(120, 140, seed)
    dark, light = picture(120, 140), picture(120, 140)
    dark[hole], light[hole] = 0, 255
    assert np.array_equal(diffusion.fill(dark, hole, most=most), diffusion.fill(light, hole, most=most))


def test_no_part_sees_another_when_the_picture_is_reduced() -> None:
    hole = np.random.default_rng(0).random((150, 160)) < 0.002
    dark, light = picture(150, 160), picture(150, 160)
    dark[hole], light[hole] = 0, 255
    diffusion.guess(dark, hole, 4)
    diffusion.guess(light, hole, 4)
    assert np.array_equal(dark, light)


@pytest.mark.parametrize("most", [10**9, 500, 20])
def test_outside_nothing_changes_and_the_input_is_kept(most: int) -> None:
    image, hole = picture(150, 170), np.zeros((150, 170), np.bool_)
    hole[3:120, 20:160] = True
    before = image.copy()
    result = diffusion.fill(image, hole, most=most)
    assert np.array_equal(image, before)
    assert np.array_equal(result[~hole], image[~hole])
    assert (result[hole] != image[hole]).any()


def test_a_huge_hole_is_filled_coarsely_but_smoothly() -> None:
    ramp = np.repeat(np.linspace(0, 250, 300)[None, :], 300, axis=0)[:, :, None].repeat(3, axis=2)
    image, hole = ramp.astype(np.uint8), np.zeros((300, 300), np.bool_)
    hole[50:250, 50:250] = True
    result = diffusion.fill(np.where(hole[:, :, None], 0, image).astype(np.uint8), hole, most=4000)
    error = np.abs(result[hole].astype(int) - image[hole].astype(int))
    assert error.max() < 100
    assert error.mean() < 25


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 9), (2, 2), (3, 3)])
def test_the_smallest_pictures(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 90, np.uint8)
    hole = np.zeros(shape, np.bool_)
    hole[0, 0] = True
    image[hole] = 255 if hole.size > 1 else 90
    result = diffusion.fill(image, hole)
    assert np.abs(result.astype(int) - 90).max() <= 2


def test_check_can_stop_the_work() -> None:
    def stop() -> None:
        raise TimeoutError

    hole = np.zeros((50, 50), np.bool_)
    hole[10:20, 10:20] = True
    with pytest.raises(TimeoutError):
        diffusion.fill(picture(50, 50), hole, check=stop)
