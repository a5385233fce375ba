"""Plans follow the size of the hole, stay within the time and keep thin parts."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from image_erase.erasure import plan, regions
from image_erase.erasure.arrays import Bool
from image_erase.erasure.context import NEAR
from image_erase.erasure.copying import EffortName
from image_erase.erasure.plan import FINEST_WIDTH, LONGEST, Job

SHAPE = (3000, 4000)


def disc(radius: int) -> Bool:
    return cv2.circle(np.zeros(SHAPE, np.uint8), (2000, 1500), radius, 1, -1).astype(np.bool_)


def wire(width: int) -> Bool:
    return cv2.line(np.zeros(SHAPE, np.uint8), (0, 100), (3999, 2900), 1, width).astype(np.bool_)


def planned(hole: Bool, effort: EffortName = "normal") -> list[Job] | None:
    return plan.jobs(regions.group(hole, NEAR), SHAPE, plan.steps(effort, 768))


def painted(jobs: list[Job]) -> np.ndarray:
    count = np.zeros(SHAPE, np.uint8)
    for job in jobs:
        count[job.region.box] += job.region.hole
    return count


@pytest.mark.parametrize(
    ("draw", "size"), [(disc, 60), (disc, 700), (wire, 10), (wire, 90)], ids=["spot", "big", "wire", "beam"]
)
def test_a_plan_fills_every_pixel_once_and_in_time(draw: Callable[[int], Bool], size: int) -> None:
    hole = draw(size)
    jobs = planned(hole)
    assert jobs is not None
    assert np.array_equal(painted(jobs), hole)
    assert sum(job.seconds for job in jobs) <= LONGEST


def test_a_small_part_is_not_shrunk() -> None:
    (job,) = planned(disc(60)) or []
    assert job.factor == 1
    assert job.region.side < 800


def test_a_big_part_is_shrunk_to_the_working_side() -> None:
    (job,) = planned(disc(700)) or []
    assert job.factor > 1
    assert job.region.side / job.factor <= 768


def test_a_thin_part_is_cut_into_tiles_instead_of_being_shrunk() -> None:
    jobs = planned(wire(10))
    assert jobs is not None
    assert len(jobs) > 1
    assert {job.factor for job in jobs} == {1}


@pytest.mark.parametrize("width", [10, 40, 90])
def test_the_widest_place_keeps_enough_pixels(width: int) -> None:
    for job in planned(wire(width)) or ():
        assert job.factor == 1 or width / job.factor >= FINEST_WIDTH - 1


def test_more_effort_looks_at_more_pixels() -> None:
    plans = [planned(disc(700), effort) or [] for effort in ("fast", "normal", "best")]
    targets = [sum(job.region.area / job.factor**2 for job in jobs) for jobs in plans]
    assert targets == sorted(targets)
    assert targets[0] < targets[2]


def test_a_hole_that_is_too_much_has_no_plan() -> None:
    hole = np.zeros(SHAPE, np.bool_)
    hole[::3, ::3] = True
    assert planned(hole) is None
