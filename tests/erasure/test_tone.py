"""Copies take the brightness and tint of the layout, but keep their texture and the rim."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from image_erase.erasure.arrays import F32, U8, Bool
from image_erase.erasure.copying.layout import Layout
from image_erase.erasure.copying.tone import LARGE, toned

HEIGHT, WIDTH = 118, 150
WANTED = (96, 104, 107)
COPIED = 100


def hole() -> Bool:
    place = np.zeros((HEIGHT, WIDTH), np.bool_)
    place[20:100, 30:] = True  # as far as the edge of the picture
    return place


def guide() -> U8:
    colours = np.random.default_rng(1).integers(90, 111, (HEIGHT, WIDTH, 3))
    return np.asarray(colours, np.uint8)


def texture() -> F32:
    """What is painted: grey levels around COPIED that differ from pixel to pixel."""
    return np.asarray(COPIED + 20.0 * (np.indices((HEIGHT, WIDTH)).sum(axis=0) % 2) - 10.0, np.float32)


def layout(factor: int = 1, trust: float = 1.0, scale: float = 2.0, colours: tuple[int, int, int] = WANTED) -> Layout:
    shape = -(-HEIGHT // factor), -(-WIDTH // factor)
    return Layout(np.full((*shape, 3), colours, np.uint8), np.full(shape, trust, np.float32), scale)


def layer(kind: str) -> Any:
    """The picture as engines get it: colours of 8 or 16 bits, with or without alpha, or grey."""
    colours = guide() if kind != "grey" else np.repeat(guide()[:, :, :1], 3, axis=2)
    if kind == "16 bits":
        return colours.astype(np.uint16) * 257
    if kind == "alpha":
        return np.dstack([colours, np.full((HEIGHT, WIDTH), 7, np.uint8)])
    return colours[:, :, :1].copy() if kind == "grey" else colours.copy()


def painted(kind: str, wanted: Layout | None, factor: int = 1, shown: U8 | None = None) -> tuple[Any, Any]:
    """The layer with the texture in its hole, without and with the layout's tone."""

    def paint(pixels: Any) -> None:
        full = 257 if pixels.dtype == np.uint16 else 1
        pixels[hole()] = (texture()[hole()] * full)[:, None]

    plain, corrected = layer(kind), layer(kind)
    paint(plain)
    seen = np.repeat(guide()[:, :, :1], 3, axis=2) if kind == "grey" else guide()
    toned(paint, wanted, seen if shown is None else shown, hole(), factor)(corrected)
    return plain, corrected


def deep() -> Bool:
    """Far from the rim of the hole."""
    return cv2.distanceTransform(np.pad(hole(), 1).view(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1] > 24


@pytest.mark.parametrize("factor", [1, 4])
@pytest.mark.parametrize("kind", ["colours", "16 bits", "alpha", "grey"])
def test_the_middle_comes_closer_and_keeps_its_texture(kind: str, factor: int) -> None:
    before, after = painted(kind, layout(factor), factor)
    unit = 257 if kind == "16 bits" else 1
    grey = int(cv2.cvtColor(np.full((1, 1, 3), WANTED, np.uint8), cv2.COLOR_BGR2GRAY)[0, 0])
    colours = (grey,) if kind == "grey" else WANTED
    share = 1 / (1 + (max(abs(each - COPIED) for each in colours) / LARGE) ** 2)
    for c, wanted in enumerate(colours):
        plane = after[:, :, c][deep()].astype(np.float64) / unit
        assert plane.mean() == pytest.approx(COPIED + share * (wanted - COPIED), abs=0.7)
        assert plane.std() == pytest.approx(10, abs=1)
    assert np.array_equal(before[~hole()], after[~hole()])
    if kind == "alpha":
        assert np.array_equal(before[:, :, 3], after[:, :, 3])


@pytest.mark.parametrize("factor", [1, 4])
def test_the_rim_stays(factor: int) -> None:
    before, after = painted("colours", layout(factor), factor)
    rim = hole() & (cv2.distanceTransform(hole().view(np.uint8), cv2.DIST_L2, 5) <= 1)
    change = np.abs(before.astype(int) - after.astype(int))[rim]
    assert change.max() <= 1


def test_a_large_difference_is_hardly_corrected() -> None:
    before, after = painted("colours", layout(colours=(100, 20, 180)))
    assert np.abs(after.astype(int) - before)[deep()].max() <= 2
    assert not np.array_equal(before, after)


def test_the_change_follows_the_trust() -> None:
    before, half = painted("colours", layout(trust=0.25))
    colour = COPIED + 0.5 * (WANTED[2] - COPIED) / (1 + (0.5 * (WANTED[2] - COPIED) / LARGE) ** 2)
    assert half.astype(float)[deep()][:, 2].mean() == pytest.approx(colour, abs=0.7)
    assert not np.array_equal(before, half)


@pytest.mark.parametrize(
    "wanted", [None, layout(scale=0.0), layout(trust=0.0)], ids=["none", "nothing of brightness", "not trusted"]
)
def test_without_a_layout_nothing_changes(wanted: Layout | None) -> None:
    before, after = painted("colours", wanted)
    assert np.array_equal(before, after)


@pytest.mark.parametrize("kind", ["colours", "grey"])
def test_layers_that_show_something_else_stay(kind: str) -> None:
    before, after = painted(kind, layout(), shown=np.asarray(guide() + 9, np.uint8))
    assert np.array_equal(before, after)
