"""The exemplar eraser: what it copies from where, and how it behaves on odd pictures."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from image_erase.erasure import copying as exemplar

Bool = NDArray[np.bool_]
U8 = NDArray[np.uint8]


class Interrupted(Exception):
    """Raised by a check that has had enough."""


def speckled(shape: tuple[int, int], seed: int = 0) -> U8:
    """A soft random picture, never flat."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (5, 5), 0), np.uint8).reshape(*shape, 3)


def disc(shape: tuple[int, int], radius: int) -> Bool:
    """A round hole in the middle."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((y - shape[0] // 2) ** 2 + (x - shape[1] // 2) ** 2 <= radius**2)


def error_in(hole: Bool, truth: U8, result: U8) -> float:
    """Mean absolute difference over the hole, in grey levels."""
    return float(np.abs(truth[hole].astype(int) - result[hole].astype(int)).mean())


def test_nothing_outside_the_hole_changes() -> None:
    picture, hole = speckled((90, 120)), disc((90, 120), 20)
    result = exemplar.fill(picture, picture, hole)
    assert np.array_equal(result[~hole], picture[~hole])
    assert not np.array_equal(result[hole], picture[hole])


def test_what_is_under_the_hole_does_not_matter() -> None:
    picture, hole = speckled((90, 120)), disc((90, 120), 20)
    other = picture.copy()
    other[hole] = (255, 0, 255)
    assert np.array_equal(exemplar.fill(picture, picture, hole), exemplar.fill(other, other, hole))


def test_the_same_picture_gives_the_same_result() -> None:
    picture, hole = speckled((90, 120)), disc((90, 120), 20)
    assert np.array_equal(exemplar.fill(picture, picture, hole), exemplar.fill(picture, picture, hole))


def test_the_arguments_are_left_alone() -> None:
    picture, hole = speckled((60, 60)), disc((60, 60), 12)
    before_picture, before_hole = picture.copy(), hole.copy()
    exemplar.fill(picture, picture, hole)
    assert np.array_equal(picture, before_picture)
    assert np.array_equal(hole, before_hole)


def test_sources_are_known_and_listed_in_the_order_of_the_hole() -> None:
    picture, hole = speckled((90, 120)), disc((90, 120), 20)
    found = exemplar.solve(picture, hole)
    assert np.array_equal(np.stack([found.ys, found.xs], 1), np.argwhere(hole))
    assert not hole[found.sy, found.sx].any()


def test_pixels_that_are_not_valid_are_not_copied() -> None:
    picture, hole = speckled((90, 120)), disc((90, 120), 20)
    valid = np.zeros(hole.shape, bool)
    valid[:, :45] = True
    found = exemplar.solve(picture, hole, valid=valid)
    assert valid[found.sy, found.sx].all()


def test_a_periodic_texture_is_continued() -> None:
    tile = speckled((12, 16), seed=3)
    picture = np.tile(tile, (12, 12, 1))
    hole = disc(picture.shape[:2], 20)
    assert error_in(hole, picture, exemplar.fill(picture, picture, hole)) < 4


@pytest.mark.parametrize("slope", [0.0, 0.5, 2.0])
def test_a_straight_edge_is_continued(slope: float) -> None:
    y, x = np.mgrid[:140, :180]
    above = np.clip(y - 70 - slope * (x - 90) + 0.5, 0, 1)[:, :, None]
    picture = np.rint(above * (40, 90, 180) + (1 - above) * (200, 180, 90)).astype(np.uint8)
    hole = disc((140, 180), 24)
    assert error_in(hole, picture, exemplar.fill(picture, picture, hole)) < 4


def test_brightness_is_evened_out_at_the_rim() -> None:
    ramp = np.repeat(np.linspace(40, 200, 160).astype(np.uint8)[None], 120, axis=0)
    picture = np.dstack([ramp] * 3)
    hole = disc((120, 160), 20)
    assert error_in(hole, picture, exemplar.fill(picture, picture, hole)) < 4


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_every_channel_and_depth_is_rendered(channels: int, dtype: type[np.uint8] | type[np.uint16]) -> None:
    guide, hole = speckled((64, 64)), disc((64, 64), 12)
    scale = np.iinfo(dtype).max // 255
    image = (np.dstack([guide, guide])[:, :, :channels].astype(np.int64) * scale).astype(dtype)
    result = exemplar.fill(image, guide, hole)
    assert result.shape == image.shape
    assert result.dtype == dtype
    assert np.array_equal(result[~hole], image[~hole])
    first = exemplar.fill(guide, guide, hole)[:, :, 0]
    assert np.abs(result[:, :, 0] / scale - first)[hole].mean() < 4


def test_an_empty_hole_gives_an_empty_map_and_the_same_picture() -> None:
    picture, hole = speckled((20, 30)), np.zeros((20, 30), bool)
    assert len(exemplar.solve(picture, hole).ys) == 0
    assert np.array_equal(exemplar.fill(picture, picture, hole), picture)


def test_a_full_hole_is_refused() -> None:
    with pytest.raises(ValueError, match="known"):
        exemplar.solve(speckled((20, 30)), np.ones((20, 30), bool))


def test_a_flat_picture_stays_flat() -> None:
    picture, hole = np.full((80, 80, 3), 93, np.uint8), disc((80, 80), 20)
    assert np.array_equal(exemplar.fill(picture, picture, hole), picture)


SHAPES = [(1, 2), (1, 40), (40, 1), (2, 2), (8, 8), (13, 29), (41, 40), (70, 33)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["one known pixel", "half at random", "corner", "stripes", "all but one side", "dust"])
def test_odd_pictures_and_holes_are_filled(shape: tuple[int, int], kind: str) -> None:
    picture, hole = speckled(shape), odd_hole(shape, kind)
    found = exemplar.solve(picture, hole)
    assert len(found.ys) == np.count_nonzero(hole)
    assert not hole[found.sy, found.sx].any()
    result = exemplar.render(picture, hole, found)
    assert np.array_equal(result[~hole], picture[~hole])


def odd_hole(shape: tuple[int, int], kind: str) -> Bool:
    """A hole of the named kind that leaves at least one pixel."""
    h, w = shape
    rng = np.random.default_rng(1)
    hole = np.zeros(shape, bool)
    if kind == "one known pixel":
        hole[:] = True
    elif kind == "half at random":
        hole = rng.random(shape) < 0.5
    elif kind == "corner":
        hole[: h // 2 + 1, : w // 2 + 1] = True
    elif kind == "stripes":
        hole[::2] = True
    elif kind == "all but one side":
        hole[:, : max(1, w - 8)] = True
    else:
        hole = rng.random(shape) < 0.02
    hole[-1, -1] = False
    return hole


def test_valid_pixels_that_leave_nothing_are_ignored() -> None:
    picture, hole = speckled((40, 40)), disc((40, 40), 8)
    found = exemplar.solve(picture, hole, valid=np.zeros((40, 40), bool))
    assert not hole[found.sy, found.sx].any()


def test_a_check_can_interrupt_at_any_time() -> None:
    picture, hole = speckled((120, 160)), disc((120, 160), 30)
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1

    exemplar.fill(picture, picture, hole, check=count)
    assert calls > 100
    for last in (0, calls // 2, calls - 1):
        calls = 0

        def stop(last: int = last) -> None:
            nonlocal calls
            calls += 1
            if calls > last:
                raise Interrupted

        with pytest.raises(Interrupted):
            exemplar.fill(picture, picture, hole, check=stop)


def test_more_effort_may_be_asked_for() -> None:
    picture, hole = speckled((90, 120)), disc((90, 120), 20)
    for effort in (exemplar.FAST, exemplar.NORMAL, exemplar.BEST):
        assert np.array_equal(exemplar.fill(picture, picture, hole, effort=effort)[~hole], picture[~hole])


def test_the_seed_decides_what_is_drawn_by_lot() -> None:
    picture, hole = speckled((90, 120)), disc((90, 120), 20)
    first, again, other = (
        exemplar.fill(picture, picture, hole, effort=replace(exemplar.NORMAL, exact_pairs=0, seed=seed))
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
