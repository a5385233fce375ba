"""The benchmark of the stages of erasing: every stage exists and is counted."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bench import profile


def test_the_stages_of_erasing_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).normal(110, 30, (120, 160, 3))
    cv2.imwrite(str(tmp_path / "photo.png"), np.clip(cv2.GaussianBlur(noise, (0, 0), 2), 0, 255).astype(np.uint8))
    profile.main([str(tmp_path / "photo.png"), "--kinds", "large", "--rounds", "1"])
    header, *lines = capsys.readouterr().out.splitlines()
    found = {line[:14].strip(): float(line[14:]) for line in lines}
    assert header.split() == ["large", "ms"]
    assert found.keys() == {*profile.STAGES, "sum"}
    assert all(found[stage] > 0 for stage in ("network", "search", "descriptors", "votes", "rest"))
    assert found["sum"] == pytest.approx(sum(found[stage] for stage in profile.STAGES), abs=1)


def test_two_checkouts_are_shown_side_by_side() -> None:
    now, before = ({"object": {"votes": votes, "search": 5.0, "lines": 0.0}} for votes in (10.0, 20.0))
    assert [line.split() for line in profile.table([now, before]).splitlines()] == [
        ["object", "ms", "before", "ratio"],
        ["votes", "10.0", "20.0", "0.50"],
        ["search", "5.0", "5.0", "1.00"],
        ["lines", "0.0", "0.0"],
        ["sum", "15.0", "25.0", "0.60"],
    ]
