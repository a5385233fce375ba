"""The fill does not depend on pixels beyond the reach of the hole."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_erase.erasure.eraser import Engine, Eraser, EraserOptions
from support.jpegs import scene

HEIGHT, WIDTH = 700, 900
BLOTS = st.lists(
    st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1), st.integers(1, 40), st.integers(1, 40)),
    min_size=1,
    max_size=3,
)


@cache
def picture() -> np.ndarray:
    return np.ascontiguousarray(np.asarray(scene(WIDTH, HEIGHT)))


def holed(blots: list[tuple[int, int, int, int]]) -> np.ndarray:
    hole = np.zeros((HEIGHT, WIDTH), np.bool_)
    for top, left, height, width in blots:
        hole[top : top + height, left : left + width] = True
    return hole


class _Network:
    """Answers with what it sees, turned round: every pixel of its square matters."""

    def fill(self, guide: np.ndarray, hole: np.ndarray) -> np.ndarray:
        return np.where(hole[..., None], guide[::-1, ::-1], guide)


def assert_same_in_its_reach(eraser: Eraser, hole: np.ndarray) -> None:
    part = eraser.reach(hole)
    inside = np.ascontiguousarray(picture()[part])
    whole = eraser.erase(picture(), picture(), hole, time_left=lambda: 60.0)
    own = eraser.erase(inside, inside, hole[part], time_left=lambda: 60.0)
    assert own.engines == whole.engines
    np.testing.assert_array_equal(own.image, whole.image[part])


@settings(max_examples=10, deadline=None)
@given(blots=BLOTS)
@pytest.mark.parametrize("engine", ["opencv", "onnx"])
def test_any_hole(engine: Engine, blots: list[tuple[int, int, int, int]]) -> None:
    neural = _Network() if engine == "onnx" else None
    assert_same_in_its_reach(Eraser(EraserOptions(engine, 256), neural), holed(blots))


@pytest.mark.parametrize(
    "blots",
    [
        [(300, 400, 20, 30)],
        [(0, 880, 15, 20), (30, 700, 4, 90)],
        [(320, 10, 40, 12), (400, 60, 3, 40), (690, 450, 10, 10)],
    ],
)
def test_copying(blots: list[tuple[int, int, int, int]]) -> None:
    assert_same_in_its_reach(Eraser(EraserOptions("auto", 256)), holed(blots))


def test_a_small_hole_reaches_little_and_none_everything() -> None:
    eraser = Eraser(EraserOptions("auto"))
    rows, columns = eraser.reach(holed([(300, 400, 20, 30)]))
    assert 0 < rows.start < 300 < 320 < rows.stop < HEIGHT
    assert 0 < columns.start < 400 < 430 < columns.stop < WIDTH
    assert eraser.reach(np.zeros((HEIGHT, WIDTH), np.bool_)) == (slice(0, HEIGHT), slice(0, WIDTH))
