"""The budget measures the speed of the machine, and plans follow it."""

import numpy as np
import pytest

from image_erase.erasure import plan, regions
from image_erase.erasure.budget import Budget, LateError
from image_erase.erasure.canvas import Canvas
from image_erase.erasure.context import NEAR
from image_erase.erasure.schedule import scheduled


class Clock:
    def __init__(self, left: float) -> None:
        self.left = left

    def __call__(self) -> float:
        return self.left


def test_work_as_fast_as_predicted_or_faster_leaves_the_pace() -> None:
    clock = Clock(10.0)
    budget = Budget(clock)
    for taken in (1.0, 0.2):
        with budget.work(1.0):
            clock.left -= taken
    assert budget.pace == 1.0
    assert budget.affordable == clock.left


def test_slow_work_leaves_time_for_less() -> None:
    clock = Clock(20.0)
    budget = Budget(clock)
    with budget.work(2.0):
        clock.left -= 6.0
    assert 2.5 < budget.pace <= 3.0
    assert budget.affords(14.0 / 3)
    assert not budget.affords(14.0 / 2.5)


def test_work_in_progress_counts_once_it_takes_too_long() -> None:
    clock = Clock(20.0)
    budget = Budget(clock)
    with budget.work(1.0):
        clock.left -= 0.9
        assert budget.pace == 1.0
        clock.left -= 4.0
        assert budget.pace > 3.0


def test_what_nobody_can_predict_and_what_is_no_work_says_nothing() -> None:
    clock = Clock(20.0)
    budget = Budget(clock)
    with budget.work(None):
        clock.left -= 5.0
    clock.left -= 5.0
    assert budget.pace == 1.0


def test_what_is_reserved_and_what_remains_in_the_end_is_kept() -> None:
    budget = Budget(Clock(10.0), finishing=2.0)
    budget.reserved = 3.0
    assert budget.affordable == 5.0


def test_late() -> None:
    Budget(Clock(0.1)).check()
    with pytest.raises(LateError):
        Budget(Clock(0.0)).check()


@pytest.mark.parametrize("slow", [1.0, 3.0, 10.0])
def test_jobs_are_planned_again_until_they_fit(slow: float) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1200, 1600, 3), np.uint8)
    hole = np.zeros((1200, 1600), np.bool_)
    for top in range(40, 1100, 280):
        for left in range(40, 1500, 280):
            hole[top : top + 90, left : left + 90] = True
    clock = Clock(12.0)
    canvas = Canvas(image, image, hole, Budget(clock))
    parts = regions.group(hole, NEAR)
    efforts = set()
    for job, _ in scheduled(canvas, parts, plan.steps("normal", 768)):
        with canvas.budget.work(job.seconds):
            clock.left -= slow * job.seconds
        canvas.pending[job.region.box] &= ~job.region.hole
        efforts.add(job.effort.middle)
    assert clock.left >= 0
    if slow == 1:
        assert not canvas.pending.any()
        assert len(efforts) == 1
