"""Regions cover the hole exactly once, stay few and follow the hole's parts."""

import numpy as np
import pytest

from image_erase.erasure import regions
from image_erase.erasure.arrays import Bool
from image_erase.erasure.regions import MOST_GROUPS, Region
from support.work import lines_run


def empty(height: int, width: int) -> Bool:
    return np.zeros((height, width), np.bool_)


def painted(parts: list[Region], shape: tuple[int, int]) -> np.ndarray:
    """How many regions claim each pixel."""
    count = np.zeros(shape, np.int32)
    for part in parts:
        count[part.box] += part.hole
    return count


def noise(height: int, width: int, share: float) -> Bool:
    return np.random.default_rng(0).random((height, width)) < share


@pytest.mark.parametrize("gap", [1, 8, 33])
@pytest.mark.parametrize("share", [0.00005, 0.001, 0.3, 1.0])
def test_group_covers_the_hole_exactly_once(gap: int, share: float) -> None:
    hole = noise(301, 457, share)
    assert np.array_equal(painted(regions.group(hole, gap), (301, 457)), hole)


def test_boxes_are_tight() -> None:
    hole = empty(100, 120)
    hole[10:20, 30:50] = True
    (part,) = regions.group(hole, 8)
    assert part.box == (slice(10, 20), slice(30, 50))
    assert part.area == 200


def test_distant_parts_are_apart_and_near_ones_together() -> None:
    hole = empty(200, 200)
    hole[10:20, 10:20] = True
    hole[10:20, 27:30] = True
    hole[150:160, 150:160] = True
    parts = regions.group(hole, 8)
    assert [part.area for part in parts] == [130, 100]


def test_different_groups_are_more_than_the_gap_apart() -> None:
    parts = regions.group(noise(400, 400, 0.0002), 8)
    assert len(parts) > 1
    for i, part in enumerate(parts):
        others = painted(parts[:i] + parts[i + 1 :], (400, 400)) > 0
        near = regions.with_context(part, 8, (400, 400)).box
        ys, xs = np.nonzero(part.hole)
        oy, ox = np.nonzero(others[near])
        oy, ox = oy + near[0].start - part.box[0].start, ox + near[1].start - part.box[1].start
        apart = np.maximum(np.abs(ys[:, None] - oy), np.abs(xs[:, None] - ox))
        assert apart.size == 0 or apart.min() > 8


def test_an_empty_hole_has_no_regions() -> None:
    assert regions.group(empty(5, 5), 8) == []


def test_a_hundred_thousand_specks_become_few_regions_in_few_steps() -> None:
    hole = noise(3000, 4000, 100_000 / 12e6)
    assert lines_run(lambda: regions.group(hole, 8)) < 50_000
    parts = regions.group(hole, 8)
    assert len(parts) <= MOST_GROUPS
    assert painted(parts, hole.shape).sum() == hole.sum()


def test_nested_parts_do_not_multiply_the_work() -> None:
    hole = empty(600, 600)
    for inset in range(0, 300, 20):
        hole[inset : 600 - inset, inset] = True
        hole[inset, inset : 600 - inset] = True
    parts = regions.group(hole, 8)
    assert sum(part.hole.size for part in parts) <= 2.5 * 600 * 600


def test_context_stays_inside_the_picture() -> None:
    hole = empty(50, 60)
    hole[0:5, 55:60] = True
    grown = regions.with_context(regions.group(hole, 4)[0], 10, (50, 60))
    assert grown.box == (slice(0, 15), slice(45, 60))
    assert grown.hole.shape == (15, 15)
    assert np.array_equal(grown.hole, hole[grown.box])


def test_half_width_tells_a_wire_from_a_disc() -> None:
    wire, block = empty(100, 100), empty(100, 100)
    wire[:, 50:54] = True
    block[30:70, 30:70] = True
    assert regions.with_context(regions.group(wire, 8)[0], 8, (100, 100)).half_width == pytest.approx(2, abs=0.5)
    assert regions.with_context(regions.group(block, 8)[0], 8, (100, 100)).half_width == pytest.approx(20, abs=1.5)


def test_tiles_cover_the_region_with_small_boxes() -> None:
    hole = empty(700, 900)
    hole[np.arange(700), np.arange(700)] = True
    hole[300:320, :] = True
    pieces = list(regions.tiles(regions.group(hole, 8)[0], 200))
    assert np.array_equal(painted(pieces, (700, 900)), hole)
    assert max(piece.side for piece in pieces) <= 200


def test_a_cut_goes_between_letters() -> None:
    hole = empty(40, 300)
    hole[10:30, :120] = True
    hole[10:30, 130:] = True
    assert [piece.box[1] for piece in regions.tiles(regions.group(hole, 16)[0], 180)] == [
        slice(0, 120),
        slice(130, 300),
    ]
