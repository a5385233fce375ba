"""The quality benchmark: where it cuts its holes, and what its table says."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bench import cases, edges, quality, things
from bench.scores import Score, table


def ground(height: int = 200, width: int = 300) -> np.ndarray:
    noise = np.random.default_rng(0).normal(110, 6, (height, width, 3))
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 2), 0, 255).astype(np.uint8)


def saved(path: Path, picture: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), picture)
    return path


@pytest.mark.parametrize(("start", "end"), [((0, 120), (299, 120)), ((150, 0), (150, 199)), ((20, 190), (280, 20))])
def test_a_hole_lies_across_a_straight_edge(start: tuple[int, int], end: tuple[int, int]) -> None:
    picture = ground()
    cv2.line(picture, start, end, (230, 240, 250), 24)
    hole = edges.hole_across(picture, np.random.default_rng(1))
    assert hole is not None
    bright = picture[:, :, 0] > 180
    # Both sides of an edge are in the hole, and the edge goes on outside of it.
    assert 0.15 < bright[hole].mean() < 0.85
    assert np.count_nonzero(bright & ~hole) > np.count_nonzero(bright & hole)


def test_a_picture_without_straight_edges_has_no_such_hole() -> None:
    picture = ground()
    cv2.circle(picture, (150, 100), 60, (250, 250, 250), cv2.FILLED)
    assert edges.hole_across(picture, np.random.default_rng(1)) is None


class TestThings:
    @pytest.fixture
    def photo(self, tmp_path: Path) -> Path:
        return saved(tmp_path / "street.png", ground())

    def mask(self, photo: Path, name: str = "mask") -> np.ndarray:
        mask = np.zeros((200, 300), np.uint8)
        cv2.rectangle(mask, (40, 50), (80, 120), 255, cv2.FILLED)
        saved(photo.parent / f"street.{name}.png", mask)
        return mask > 0

    def test_its_outline_is_grown_and_put_where_nothing_is_masked(self, photo: Path) -> None:
        thing = things.grown(self.mask(photo), things.GROWN)
        case = cases.case(photo, "thing", seed=3)
        assert case is not None
        assert np.count_nonzero(case.hole) == np.count_nonzero(thing)
        assert not (case.hole & thing).any()
        np.testing.assert_array_equal(case.truth, case.photo)

    def test_with_the_scene_behind_it_the_hole_is_in_its_place(self, photo: Path) -> None:
        thing = things.grown(self.mask(photo, "mask-2"), things.GROWN)
        clean = saved(photo.parent / "street.clean.png", ground() // 2)
        case = cases.case(photo, "thing", seed=3)
        assert case is not None
        np.testing.assert_array_equal(case.hole, thing)
        np.testing.assert_array_equal(case.truth, cv2.imread(str(clean)))

    def test_what_lies_beside_a_photograph_is_none(self, photo: Path) -> None:
        self.mask(photo)
        saved(photo.parent / "street.clean.jpg", ground())
        assert quality.photographs(photo.parent, None) == [photo]

    def test_a_photograph_without_masks_has_no_things(self, photo: Path) -> None:
        assert cases.case(photo, "thing", seed=3) is None

    def test_a_mask_of_another_size_is_refused(self, photo: Path) -> None:
        saved(photo.parent / "street.mask.png", np.full((20, 30), 255, np.uint8))
        with pytest.raises(ValueError, match="another size"):
            cases.case(photo, "thing", seed=3)


@pytest.mark.parametrize("kind", cases.KINDS)
def test_the_same_seed_gives_the_same_hole(tmp_path: Path, kind: str) -> None:
    picture = ground()
    cv2.line(picture, (0, 120), (299, 90), (230, 240, 250), 24)
    photo = saved(tmp_path / "street.png", picture)
    mask = np.zeros((200, 300), np.uint8)
    mask[40:80, 40:80] = 255
    saved(tmp_path / "street.mask.png", mask)
    one, same, other = (cases.case(photo, kind, seed) for seed in (5, 5, 6))
    assert one is not None
    assert same is not None
    assert other is not None
    np.testing.assert_array_equal(one.hole, same.hole)
    assert (one.hole != other.hole).any()


def test_the_table_counts_wins_and_losses() -> None:
    scores = {
        ("patches", "object"): Score([0.2, 0.1, 0.3], [20, 20, 20], [1.0, 1.0, 1.0], [50]),
        ("auto", "object"): Score([0.1, 0.1, 0.4], [21, 22, 20], [1.1, 1.2, 1.5], [90]),
    }
    row = table(scores, ["patches", "auto"], ["object", "thing"], "patches").splitlines()[-1]
    assert row.split() == ["object", "auto", "0.2000", "1.000", "21.00", "+1.00", "1:1", "1200", "+200", "1.200", "90"]


def test_it_measures_a_folder_and_shows_the_layout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = ground()
    cv2.line(picture, (0, 120), (299, 90), (230, 240, 250), 24)
    saved(tmp_path / "street.png", picture)
    words = ["--engines", "patches,auto", "--kinds", "edge,thing", "--sheets", str(tmp_path / "sheets")]
    quality.main([str(tmp_path), *words])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["edge", "patches"], ["edge", "auto"]]
    sheet = cv2.imread(str(tmp_path / "sheets" / "street-edge-0.png"))
    assert sheet is not None
    assert sheet.shape[1] == 4 * 300
