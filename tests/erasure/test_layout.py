"""Layouts: squares of the picture, the network, and patches that follow its layout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from image_erase.erasure.arrays import U8, Bool, no_check
from image_erase.erasure.copying import Layout
from image_erase.erasure.eraser import Eraser, EraserOptions
from image_erase.erasure.failures import ModelError
from image_erase.erasure.layout import LayoutEngine, LayoutNetwork, OperatorSketcher, Sketch
from image_erase.erasure.layout.squares import Square
from image_erase.erasure.neural import NeuralEngine
from image_erase.erasure.plan import PIXELS_PER_LOOK
from support import networks as nets

SIDE = 128


class Fixed:
    """Sketches what it is told, by default what looks likely, and remembers what it was shown."""

    side = least = SIDE

    def __init__(self, colours: U8 | None = None, confidence: int = 255) -> None:
        self.colours, self.confidence = colours, confidence
        self.shown: list[tuple[U8, Bool]] = []

    def sketch(self, square: U8, hole: Bool) -> Sketch:
        self.shown.append((square, hole))
        colours = likely(square, hole) if self.colours is None else self.colours
        return Sketch(colours, np.full(hole.shape, self.confidence, np.uint8))


class Smooth(Fixed):
    """Sketches the smooth fill of the hole."""

    def sketch(self, square: U8, hole: Bool) -> Sketch:
        filled = cv2.inpaint(square, hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
        return Sketch(np.asarray(filled, np.uint8), np.full(hole.shape, 255, np.uint8))


def gradient_with_texture(height: int = 240, width: int = 260) -> U8:
    """Blobs of different sizes on a ground that grows brighter."""
    shade = np.linspace(-30, 30, width)[None, :, None]
    return np.clip(textured(height, width) * 0.7 + 40 + shade, 0, 255).astype(np.uint8)


def likely(square: U8, hole: Bool) -> U8:
    """The square with its hole filled smoothly, and with some noise, so that it passes for a picture."""
    filled = cv2.inpaint(square, hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    noise = np.random.default_rng(1).normal(0, 6, filled.shape)
    return np.clip(filled + noise, 0, 255).astype(np.uint8)


class Truth(LayoutEngine):
    """Lays out a known picture, blurred."""

    def __init__(self, picture: U8, sigma: float = 4.0) -> None:
        super().__init__(Fixed())
        self.colours = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)

    def lay_out(self, guide: U8, hole: Bool, known: Bool, check: object) -> Layout | None:
        assert guide.shape == self.colours.shape
        return Layout(self.colours, hole.astype(np.float32))


def textured(height: int, width: int, seed: int = 0) -> U8:
    """A ground of coarse and fine noise."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(
        rng.uniform(60, 190, (height // 16 + 1, width // 16 + 1, 3)).astype(np.float32), (width, height)
    )
    return np.clip(coarse + rng.normal(0, 9, (height, width, 3)), 0, 255).astype(np.uint8)


def disc(shape: tuple[int, int], centre: tuple[int, int], radius: int) -> Bool:
    canvas = np.zeros(shape, np.uint8)
    cv2.circle(canvas, centre, radius, 1, cv2.FILLED)
    return canvas.astype(np.bool_)


def hidden_block(height: int = 240, width: int = 320) -> U8:
    """Dark above, light below, and in the dark a light block that a hole covers: only a layout can know of it."""
    light = textured(height, width)
    picture = np.asarray(light // 2 + 125, np.uint8)
    picture[: height // 2] = light[: height // 2] // 8
    picture[60:110, 130:190] = textured(50, 60, seed=1) // 2 + 125
    return picture


def error(one: U8, other: U8, hole: Bool) -> float:
    """Mean difference of what a far eye sees."""
    far = [cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 3.0) for picture in (one, other)]
    return float(np.abs(far[0] - far[1])[hole].mean())


class TestSquares:
    def test_means_count_known_pixels_only(self) -> None:
        picture = np.full((200, 200, 3), (40, 80, 120), np.uint8)
        known = ~disc((200, 200), (100, 100), 50)
        picture[~known] = 255
        small, hole = Square(0, 0, 200).reduced(picture, known, 64)
        assert np.abs(small[~hole].astype(int) - (40, 80, 120)).max() <= 1
        assert not small[hole].any()
        assert hole.mean() == pytest.approx((~known).mean(), abs=0.02)

    def test_nothing_is_known_beyond_the_picture(self) -> None:
        picture = np.full((100, 60, 3), 90, np.uint8)
        _, hole = Square(0, -20, 100).reduced(picture, np.ones((100, 60), np.bool_), 100)
        assert hole[:, :20].all()
        assert hole[:, 80:].all()
        assert not hole[:, 20:80].any()

    @pytest.mark.parametrize("side", [64, 128, 300])
    def test_what_was_shrunk_comes_back_to_its_place(self, side: int) -> None:
        y, x = np.mgrid[:180, :220]
        picture = np.dstack([x, y, (x + y) // 2]).astype(np.uint8)
        square = Square(-10, 30, 200)
        small, _ = square.reduced(picture, np.ones((180, 220), np.bool_), side)
        back = np.zeros_like(picture)
        where = disc((180, 220), (110, 90), 50)
        square.put(small, back, where)
        assert np.abs(back[where].astype(int) - picture[where]).max() <= 3
        assert not back[~where].any()


class TestEngine:
    def test_thin_parts_are_left_alone(self) -> None:
        hole = np.zeros((200, 300), np.bool_)
        hole[100:106, 20:280] = True
        hole[20:27, 20:27] = True
        sketcher = Fixed()
        assert LayoutEngine(sketcher).lay_out(textured(200, 300), hole, ~hole, no_check) is None
        assert not sketcher.shown

    def test_a_thick_letter_in_a_line_of_text_is_none(self) -> None:
        hole = disc((300, 500), (30, 30), 12)
        for left in range(60, 480, 20):
            hole[20:120, left : left + 8] = True
        sketcher = Fixed()
        assert LayoutEngine(sketcher).lay_out(textured(300, 500), hole, ~hole, no_check) is None
        assert not sketcher.shown

    def test_a_thin_part_beside_a_thick_one_is_left_alone(self) -> None:
        thick, thin = disc((300, 300), (100, 100), 30), np.zeros((300, 300), np.bool_)
        thin[250:254, 50:250] = True
        hole = thick | thin
        layout = LayoutEngine(Fixed()).lay_out(textured(300, 300), hole, ~hole, no_check)
        assert layout is not None
        assert layout.trust[thick].min() > 0.5
        assert not layout.trust[thin].any()

    @pytest.mark.parametrize("centre", [(150, 150), (0, 0), (299, 150)], ids=["inside", "corner", "border"])
    def test_nothing_of_the_hole_is_seen(self, centre: tuple[int, int]) -> None:
        hole = disc((300, 300), centre, 60)
        seen = []
        for colour in (0, 255):
            picture = textured(300, 300)
            picture[hole] = colour
            sketcher = Fixed()
            LayoutEngine(sketcher).lay_out(picture, hole, ~hole, no_check)
            seen.append(sketcher.shown)
        for (one, one_hole), (other, other_hole) in zip(*seen, strict=True):
            np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(one_hole, other_hole)

    def test_strokes_that_lie_together_are_looked_at_once(self) -> None:
        canvas = np.zeros((400, 500), np.uint8)
        cv2.line(canvas, (100, 100), (300, 140), 1, 30)
        cv2.line(canvas, (120, 220), (320, 300), 1, 24)
        hole = canvas.astype(np.bool_)
        sketcher = Fixed()
        layout = LayoutEngine(sketcher).lay_out(textured(400, 500), hole, ~hole, no_check)
        assert layout is not None
        assert layout.trust[hole].min() > 0
        assert len(sketcher.shown) == 1

    def test_no_more_looks_than_the_parts_are_worth(self) -> None:
        canvas = np.zeros((500, 900), np.uint8)
        for x in range(60, 900, 120):
            cv2.circle(canvas, (x, 60 + x // 3), 22 + x // 60, 1, cv2.FILLED)
        hole = canvas.astype(np.bool_)
        sketcher = Fixed()
        layout = LayoutEngine(sketcher).lay_out(textured(500, 900), hole, ~hole, no_check)
        assert layout is not None
        assert len(sketcher.shown) == max(1, round(hole.sum() / PIXELS_PER_LOOK))

    def test_it_can_be_interrupted_before_each_part(self) -> None:
        class Enough(Exception):
            pass

        hole = disc((400, 900), (120, 200), 90) | disc((400, 900), (780, 200), 90)
        sketcher = Fixed()

        def check() -> None:
            if sketcher.shown:
                raise Enough

        with pytest.raises(Enough):
            LayoutEngine(sketcher).lay_out(textured(400, 900), hole, ~hole, check)
        assert len(sketcher.shown) == 1


class TestNetwork:
    def test_the_built_in_one_is_there_and_answers_the_same_each_time(self) -> None:
        picture, hole = textured(SIDE, SIDE), disc((SIDE, SIDE), (60, 60), 25)
        network = LayoutNetwork()
        one, other = network.sketch(picture, hole), network.sketch(picture, hole)
        assert one.colours.shape == (SIDE, SIDE, 3)
        assert one.colours.dtype == one.confidence.dtype == np.uint8
        np.testing.assert_array_equal(one.colours, other.colours)
        np.testing.assert_array_equal(one.confidence, other.confidence)

    def test_colours_come_back_as_blue_green_red(self, tmp_path: Path) -> None:
        red = np.broadcast_to(np.array((1, 0.4999, -0.2), np.float32), (32, 32, 3))
        network = LayoutNetwork(nets.saved(nets.layout(red, np.full((32, 32), 0.05 / 0.33)), tmp_path))
        sketch = network.sketch(textured(32, 32), disc((32, 32), (16, 16), 8))
        assert sketch.colours[16, 16].tolist() == [0, 127, 255]
        # An expected error of 0.28 is twice what halves the weight.
        assert sketch.confidence[16, 16] == 255 // 5

    def test_edges_are_sharpened(self, tmp_path: Path) -> None:
        answer = cv2.GaussianBlur(np.repeat(np.eye(1, 64, 32, dtype=np.float32).cumsum(1), 64, 0), (0, 0), 3)
        network = LayoutNetwork(nets.saved(nets.layout(answer[:, :, None].repeat(3, 2) * 0.6 + 0.2), tmp_path))
        hole = disc((64, 64), (32, 32), 20)
        row = network.sketch(np.full((64, 64, 3), 127, np.uint8), hole).colours[32, 20:44, 0].astype(int)
        assert np.diff(row).max() > 1.1 * 255 * 0.6 * np.diff(answer[32]).max()

    @pytest.mark.parametrize(
        ("model", "message"),
        [
            (nets.lama(None), "free|takes image"),
            (nets.migan(), "takes image: uint8"),
            (nets.lama(64), "no output named layout"),
            (nets.layout(np.full((16, 16, 3), np.nan)), "numbers .* are expected"),
        ],
        ids=["free size", "bytes", "another output", "no numbers"],
    )
    def test_another_network_is_refused_in_a_line(self, tmp_path: Path, model: object, message: str) -> None:
        with pytest.raises(ModelError, match=message) as raised:
            LayoutNetwork(nets.saved(model, tmp_path))
        assert "\n" not in str(raised.value)

    def test_a_missing_file_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"none\.onnx does not exist"):
            LayoutNetwork(tmp_path / "none.onnx")


class TestPatchesFollow:
    def test_what_only_the_layout_knows_is_filled_in(self) -> None:
        truth = hidden_block()
        hole = np.zeros(truth.shape[:2], np.bool_)
        hole[50:120, 120:200] = True
        holed = truth.copy()
        holed[hole] = 0
        alone = Eraser(EraserOptions()).erase(holed, holed, hole, time_left=lambda: 60.0).image
        led = Eraser(EraserOptions(), layouts=Truth(truth)).erase(holed, holed, hole, time_left=lambda: 60.0).image
        np.testing.assert_array_equal(led[~hole], holed[~hole])
        assert error(led, truth, hole) < 0.6 * error(alone, truth, hole)

    @pytest.mark.parametrize("engine", ["exemplar", "opencv"])
    def test_the_other_engines_do_without(self, engine: str) -> None:
        sketcher = Fixed()
        picture, hole = textured(200, 200), disc((200, 200), (100, 100), 30)
        eraser = Eraser(EraserOptions(engine), layouts=LayoutEngine(sketcher))  # type: ignore[arg-type]
        eraser.erase(picture, picture, hole, time_left=lambda: 60.0)
        assert not sketcher.shown

    def test_fast_does_without(self) -> None:
        sketcher = Fixed()
        picture, hole = textured(200, 200), disc((200, 200), (100, 100), 30)
        eraser = Eraser(EraserOptions(), layouts=LayoutEngine(sketcher))
        eraser.erase(picture, picture, hole, time_left=lambda: 60.0, effort="fast")
        assert not sketcher.shown

    def test_a_large_picture_uses_it_on_the_shrunken_one(self) -> None:
        sketcher = Fixed()
        picture, hole = textured(700, 900), disc((700, 900), (450, 350), 150)
        eraser = Eraser(EraserOptions(working_side=256), layouts=LayoutEngine(sketcher))
        eraser.erase(picture, picture, hole, time_left=lambda: 60.0)
        assert len(sketcher.shown) == 1

    def test_of_many_regions_the_thickest_are_guided(self) -> None:
        picture, hole = textured(300, 900), np.zeros((300, 900), np.bool_)
        for x, radius in ((60, 20), (450, 45), (840, 24)):
            hole |= disc((300, 900), (x, 150), radius)
        sketcher = Fixed()
        Eraser(EraserOptions(), layouts=LayoutEngine(sketcher)).erase(picture, picture, hole, time_left=lambda: 60.0)
        ((_, shown),) = sketcher.shown
        assert np.count_nonzero(shown) > 0.5 * np.pi * 45**2 * (128 / 180) ** 2

    @pytest.mark.parametrize("font", [cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX])
    def test_captions_and_wires_stay_as_they_were(self, font: int) -> None:
        picture = textured(300, 400)
        canvas = np.zeros((300, 400), np.uint8)
        cv2.putText(canvas, "Copyright", (20, 150), font, 2, 1, 6)
        for end in (255, 280, 299):
            cv2.line(canvas, (0, 250), (399, end), 1, 7)
        hole = canvas.astype(np.bool_)
        noise = LayoutEngine(Fixed(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)))
        one, other = (
            Eraser(EraserOptions(), layouts=layouts).erase(picture, picture, hole, time_left=lambda: 60.0).image
            for layouts in (None, noise)
        )
        np.testing.assert_array_equal(one, other)


class TestWrongLayouts:
    """A layout that is wrong costs little: at most a twentieth of what the fill is off anyway."""

    def cost(self, colours: U8 | None) -> float:
        return self.off(LayoutEngine(Smooth() if colours is None else Fixed(colours))) / self.off(None)

    @staticmethod
    @cache
    def off(layouts: LayoutEngine | None) -> float:
        """How far the fill is off with these layouts, or with none."""
        truth = gradient_with_texture()
        hole = disc((240, 260), (130, 120), 45)
        holed = truth.copy()
        holed[hole] = 0
        result = Eraser(EraserOptions(), layouts=layouts).erase(holed, holed, hole, time_left=lambda: 60.0).image
        return error(result, truth, hole)

    @pytest.mark.parametrize("cells", [SIDE, 16, 5])
    def test_noise(self, cells: int) -> None:
        noise = np.random.default_rng(2).integers(0, 256, (cells, cells, 3), np.uint8)
        assert self.cost(cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).astype(np.uint8)) <= 1.05

    def test_one_colour(self) -> None:
        assert self.cost(np.full((SIDE, SIDE, 3), (10, 200, 90), np.uint8)) <= 1.05

    def test_a_smooth_fill(self) -> None:
        assert self.cost(None) <= 1.05


class TestOperatorsNetwork:
    def test_its_answer_is_followed(self, tmp_path: Path) -> None:
        truth = hidden_block(256, 256)
        hole = np.zeros((256, 256), np.bool_)
        hole[50:120, 120:200] = True
        holed = truth.copy()
        holed[hole] = 0
        known = np.moveaxis(truth[:, :, ::-1], 2, 0) / np.float32(255)
        network = NeuralEngine(nets.saved(nets.lama(256, fill=known), tmp_path))
        layouts = LayoutEngine(OperatorSketcher(network))
        alone, led = (
            Eraser(EraserOptions(), layouts=each).erase(holed, holed, hole, time_left=lambda: 60.0).image
            for each in (None, layouts)
        )
        assert error(led, truth, hole) < 0.6 * error(alone, truth, hole)

    def test_a_network_without_an_idea_is_not_followed(self, tmp_path: Path) -> None:
        picture, hole = textured(300, 300), disc((300, 300), (150, 150), 60)
        sketcher = OperatorSketcher(NeuralEngine(nets.saved(nets.lama(512), tmp_path)))
        assert LayoutEngine(sketcher).lay_out(picture, hole, ~hole, no_check) is None
