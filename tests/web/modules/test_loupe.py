"""The position of the loupe beside a finger."""

import math

import pytest
from playwright.sync_api import Page

from support.modules import run

AWAY, RADIUS = 48, 60


@pytest.mark.parametrize("stage", [(320, 300), (390, 600), (800, 240)])
def test_it_is_on_the_stage_and_never_under_the_finger(page: Page, stage: tuple[int, int]) -> None:
    width, height = stage
    fingers = [(x * width / 8, y * height / 8) for x in range(9) for y in range(9)]
    script = "given[0].map(([x, y]) => m.placeBeside({ x, y }, { width: given[1], height: given[2] }))"
    for finger, place in zip(fingers, run(page, "loupe", script, fingers, width, height), strict=True):
        assert RADIUS <= place["x"] <= width - RADIUS
        assert RADIUS <= place["y"] <= height - RADIUS
        assert math.dist(finger, (place["x"], place["y"])) >= RADIUS + AWAY / 2
