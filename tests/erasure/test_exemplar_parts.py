"""The parts of the exemplar eraser, each compared with results computed by hand."""

import cv2
import numpy as np
import pytest

from image_erase.erasure import copying as exemplar
from image_erase.erasure.arrays import F32, U8, Bool, no_check
from image_erase.erasure.copying import descriptors, lines, pyramid, start
from image_erase.erasure.copying.search import Matcher, whole_patches
from image_erase.erasure.copying.sources import SourceMap
from image_erase.erasure.copying.vote import Ballot


def disc(shape: tuple[int, int], radius: int) -> Bool:
    """A round hole in the middle."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((y - shape[0] // 2) ** 2 + (x - shape[1] // 2) ** 2 <= radius**2)


def noise(shape: tuple[int, int], seed: int = 0) -> U8:
    """A soft random picture."""
    rng = np.random.default_rng(seed)
    return np.asarray(cv2.GaussianBlur(rng.integers(0, 256, (*shape, 3), dtype=np.uint8), (5, 5), 0), np.uint8)


def wire(angle: float, width: int) -> tuple[U8, Bool]:
    """A dark wire across a light, slowly changing ground, and where the wire is."""
    y = np.arange(200, dtype=np.float32)[:, None, None]
    ground = np.broadcast_to(200 - 0.2 * y * np.array([1.0, 0.8, 0.6], np.float32), (200, 260, 3))
    course = 300 * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    ends = [tuple(int(v) for v in np.rint(np.array([130, 100]) + s * course)) for s in (-1, 1)]
    drawn = np.zeros((200, 260), np.uint8)
    cv2.line(drawn, ends[0], ends[1], 255, width, cv2.LINE_AA)
    share = drawn[:, :, None] / 255
    return np.rint(ground * (1 - share) + 50 * share).astype(np.uint8), drawn > 128


@pytest.mark.parametrize(("angle", "width"), [(10, 3), (37, 3), (80, 5), (135, 6)])
def test_a_thin_wire_is_continued_across_a_wide_hole(angle: float, width: int) -> None:
    picture, on_wire = wire(angle, width)
    hole = disc((200, 260), 40)
    result = exemplar.fill(picture, picture, hole)
    wrong = np.abs(result.astype(int) - picture)[hole & on_wire].mean()
    assert wrong < 20  # a gap would give about 90


def test_a_line_is_found_where_it_is() -> None:
    picture, _ = wire(37, 4)
    hole = disc((200, 260), 30)
    levels = pyramid.build(picture, hole, ~hole)
    (line,) = lines.find(levels, no_check)
    course = line.end - line.start
    angle = np.rad2deg(np.arctan2(course[0], course[1])) % 180
    assert abs(angle - 37) < 3
    to_middle = np.array([100, 130]) - line.start
    off = (course[0] * to_middle[1] - course[1] * to_middle[0]) / np.linalg.norm(course)
    assert abs(off) < 3


def test_flat_ground_has_no_lines() -> None:
    hole = disc((200, 260), 30)
    levels = pyramid.build(np.full((200, 260, 3), 90, np.uint8), hole, ~hole)
    assert lines.find(levels, no_check) == []


def smooth_planes(seed: int) -> F32:
    rng = np.random.default_rng(seed)
    soft = [cv2.GaussianBlur(rng.normal(128, 60, (40, 50)).astype(np.float32), (0, 0), 6) for _ in range(3)]
    return np.stack([soft[0], 128 + 0 * soft[1], 128 + 0 * soft[2]])


def test_descriptor_distance_stands_for_patch_distance() -> None:
    planes = smooth_planes(0)
    described = descriptors.describe(planes, 3)
    for (ay, ax), (by, bx) in (((10, 10), (30, 40)), ((12, 33), (20, 8))):
        a = planes[0, ay - 3 : ay + 4, ax - 3 : ax + 4]
        b = planes[0, by - 3 : by + 4, bx - 3 : bx + 4]
        exact = ((a - b) ** 2).sum()
        assert ((described[ay, ax] - described[by, bx]) ** 2).sum() == pytest.approx(exact, rel=0.05)


def test_describing_in_bands_shows_no_border_between_them() -> None:
    planes = np.stack([noise((150, 20))[:, :, c].astype(np.float32) for c in range(3)])
    whole = descriptors.describe(planes, 3)
    part = descriptors.describe(planes[:, 50:90], 3)
    assert np.allclose(whole[53:87], part[3:-3], atol=1e-2)


def test_a_coarse_pixel_is_missing_when_less_than_half_of_it_is_known() -> None:
    hole = np.zeros((80, 80), bool)
    hole[20:60, 20:60] = True
    hole[20, 20] = False
    levels = pyramid.build(noise((80, 80)), hole, ~hole)
    assert levels[1].hole.shape == (40, 40)
    assert np.array_equal(levels[1].hole, np.pad(np.ones((20, 20), bool), 10))


def test_coarse_colours_come_from_known_pixels_only() -> None:
    picture, hole = np.full((80, 80, 3), 60, np.uint8), disc((80, 80), 20)
    picture[hole] = 255
    level = pyramid.build(picture, hole, ~hole)[1]
    assert np.allclose(level.planes[0][~level.hole], 60, atol=1e-3)


def prepared(picture: U8, hole: Bool) -> Matcher:
    level = pyramid.build(picture, hole, ~hole)[0]
    start.diffuse(level)
    matcher = Matcher(level, 3, np.random.default_rng(0), no_check)
    matcher.refresh()
    return matcher


def test_comparing_with_every_source_finds_the_nearest() -> None:
    matcher = prepared(noise((40, 48)), disc((40, 48), 5))
    found = matcher.search(None, matcher.sources, wander=False)
    gaps = matcher.wanted[:, None] - matcher.plane[matcher.sources][None]
    nearest = (gaps**2).sum(axis=2).min(axis=1)
    near_enough = found.distance <= nearest * 2.6 + 1  # coherence may cost this much, not more
    assert near_enough.mean() > 0.95
    assert matcher.allowed[found.source].all()


def test_sources_are_whole_patches() -> None:
    hole = disc((40, 48), 5)
    matcher = prepared(noise((40, 48)), hole)
    padded = np.pad(~hole, 3)
    for place in matcher.sources[::17]:
        y, x = divmod(int(place), 48)
        assert padded[y : y + 7, x : x + 7].all()
    assert len(matcher.sources) == np.count_nonzero(whole_patches(~hole, 3))


def test_a_vote_among_shifted_copies_reproduces_the_shift() -> None:
    picture, hole = noise((40, 60)), disc((40, 60), 4)
    matcher = prepared(picture, hole)
    ballot = Ballot(matcher, no_check)
    field = matcher.search(None, matcher.sources, wander=False)
    field.source[:] = matcher.targets - 15
    field.distance[:] = 1
    ballot.vote(field)
    plane = matcher.level.planes[0].ravel()
    assert np.allclose(plane[ballot.pixels], plane[ballot.pixels - 15], atol=1e-2)
    assert np.array_equal(ballot.elect(field), ballot.pixels - 15)


def test_the_nearest_pixel_is_the_nearest() -> None:
    allowed = np.zeros((9, 11), bool)
    allowed[2, 3] = allowed[7, 9] = True
    found = start.nearest(allowed).reshape(9, 11)
    assert found[0, 0] == 2 * 11 + 3
    assert found[8, 10] == 7 * 11 + 9


def test_copies_of_another_brightness_are_fitted_in() -> None:
    picture = np.full((60, 90, 3), 80, np.uint8)
    picture[:, 45:] = 110
    hole = np.zeros((60, 90), bool)
    hole[20:40, 10:30] = True
    ys, xs = (a.astype(np.int32) for a in np.nonzero(hole))
    result = exemplar.render(picture, hole, SourceMap(ys, xs, ys, xs + np.int32(50)))
    assert np.abs(result[hole].astype(int) - 80).max() <= 2


def test_an_edge_does_not_bleed() -> None:
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:, 45:] = 255
    hole = np.zeros((60, 90), bool)
    hole[20:40, 10:30] = True
    ys, xs = (a.astype(np.int32) for a in np.nonzero(hole))
    result = exemplar.render(picture, hole, SourceMap(ys, xs, ys, xs + np.int32(50)))
    assert np.median(result[hole]) > 200
