"""Photographs to packs and tiles, and the holes to train with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import SIDE, masks, packs, tiles


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth, colourful picture, HxWx3 uint8."""
    noise = np.random.default_rng(seed).uniform(0, 255, (5, 6, 3)).astype(np.float32)
    return np.clip(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def folder_of(folder: Path, *pictures: np.ndarray) -> Path:
    for number, values in enumerate(pictures):
        cv2.imwrite(str(folder / f"{number}.png"), values)
    return folder


def test_a_pack_gives_back_its_pictures(tmp_path: Path) -> None:
    shown = [picture(90, 120, seed) for seed in range(3)]
    paths = packs.photographs(folder_of(tmp_path, *shown))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    count = packs.write([*paths, tmp_path / "broken.jpg"], tmp_path / "some.pack", side=64, quality=95)
    read = list(packs.decode(packs.read(tmp_path / "some.pack")))
    assert count == len(read) == 3
    for path, found in zip(paths, read, strict=True):
        wanted = cv2.resize(shown[int(path.stem)], (85, 64), interpolation=cv2.INTER_AREA)[:, :, ::-1]
        assert np.abs(found.astype(int) - wanted).mean() < 4


def test_panoramas_are_cut_to_their_middle(tmp_path: Path) -> None:
    wide = np.hstack(
        [np.zeros((60, 90, 3), np.uint8), np.full((60, 120, 3), 200, np.uint8), np.zeros((60, 90, 3), np.uint8)]
    )
    packs.write(packs.photographs(folder_of(tmp_path, wide)), tmp_path / "one.pack")
    (found,) = packs.decode(packs.read(tmp_path / "one.pack"))
    assert found.shape == (60, 120, 3)
    assert found.mean() == pytest.approx(200, abs=2)


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-1], lambda data: data + b"x", lambda data: data[:3], lambda _: b""]
)
def test_what_is_no_pack_is_refused(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    pack = tmp_path / "one.pack"
    packs.write(packs.photographs(folder_of(tmp_path, picture(40, 40))), pack)
    pack.write_bytes(spoil(pack.read_bytes()))
    with pytest.raises(ValueError, match="not a pack"):
        packs.read(pack)


@settings(max_examples=25, deadline=None)
@given(st.integers(30, 700), st.integers(30, 700))
def test_tiles_cover_the_picture(height: int, width: int) -> None:
    short = min(height, width)
    seen = np.zeros((height, width, 3), np.uint8)
    seen[:, :, 0] = np.arange(height)[:, None] * 255 / height
    seen[:, :, 1] = np.arange(width) * 255 / width
    found = tiles.cut(seen)
    assert found.shape[1:] == (tiles.SIDE, tiles.SIDE, 3)
    if max(height, width) > tiles.LARGE_ENOUGH * short:
        assert found[..., :2].min() <= 4
        assert found[..., :2].max() >= 247


def test_pictures_to_measure_with_are_not_trained_on(tmp_path: Path) -> None:
    shades = [np.full((300, 300, 3), 20 * n, np.uint8) for n in range(1, 9)]
    paths = sorted(folder_of(tmp_path, *shades).iterdir())
    packs.write(paths, tmp_path / "some.pack", quality=100)
    training, kept = tiles.load([tiles.Source.parse(f"{tmp_path / 'some.pack'}:0.5")], held_out=2)
    assert {round(tile.mean() / 20) for tile in kept} == {1, 2}
    assert {round(tile.mean() / 20) for tile in training.tiles} == set(range(3, 9))
    assert training.weight.sum() == pytest.approx(0.5)


def test_a_share_belongs_to_the_pack_and_not_to_its_size(tmp_path: Path) -> None:
    for name, count in (("few", 2), ("many", 6)):
        (tmp_path / name).mkdir()
        shades = [np.full((256, 256, 3), count, np.uint8)] * count
        packs.write(packs.photographs(folder_of(tmp_path / name, *shades)), tmp_path / f"{name}.pack", quality=100)
    sources = [tiles.Source.parse(f"{tmp_path}/few.pack:3"), tiles.Source.parse(f"{tmp_path}/many.pack")]
    training, _ = tiles.load(sources)
    few = training.tiles.mean((1, 2, 3)) < 4
    assert training.weight[few].sum() == pytest.approx(3)
    assert training.weight[~few].sum() == pytest.approx(1)


def test_holes_are_the_same_for_the_same_seed_only() -> None:
    first, again, other = masks.generate(20, 1), masks.generate(20, 1), masks.generate(20, 2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_holes_are_as_large_as_those_in_use() -> None:
    holes = np.unpackbits(masks.generate(300, 5), axis=1).reshape(-1, SIDE, SIDE)
    areas = holes.mean((1, 2))
    lengths = [max(np.ptp(places) for places in np.nonzero(hole)) + 1 for hole in holes]
    assert areas.min() >= masks.LEAST
    assert areas.max() <= masks.MOST
    assert 50 <= np.median(lengths) <= 82
    assert np.mean(holes[:, SIDE // 2 - 8 : SIDE // 2 + 8, SIDE // 2 - 8 : SIDE // 2 + 8]) > 0.4
    edges = np.concatenate([holes[:, 0], holes[:, -1], holes[:, :, 0], holes[:, :, -1]], axis=1).any(axis=1)
    assert 0.05 < edges.mean() < 0.6


@pytest.mark.parametrize("shape", masks.SHAPES)
def test_every_shape_fits_its_canvas(shape: Callable[..., Any]) -> None:
    for seed in range(20):
        canvas = np.zeros((masks.CANVAS, masks.CANVAS), np.uint8)
        shape(canvas, np.random.default_rng(seed))
        assert set(np.unique(canvas)) == {0, 1}
