"""Painting with the mouse, checked by the saved mask."""

import numpy as np
import pytest
from playwright.sync_api import expect

from support.editor import CHART, CHART_FILE, Editor, assert_stroke, distances, payload
from support.pictures import boxed, changed, file_of, pixels_of
from support.server import Server

# Sets the size of the brush, and says how wide the circle is that shows it. In one go: it is soon hidden again.
RESIZE_BRUSH = """(value) => {
  const size = document.getElementById("size");
  size.focus();
  size.value = value;
  size.dispatchEvent(new Event("input", { bubbles: true }));
  return document.getElementById("cursor").getBoundingClientRect().width;
}"""
# Taps on places of the window one after the other, each in a frame of its own. No hand holds the pointer, so it can't
# be captured.
TAP = """async (places) => {
  const stage = document.getElementById("stage");
  stage.setPointerCapture = () => {};
  for (const [clientX, clientY] of places) {
    const where = { bubbles: true, isPrimary: true, pointerId: 7, clientX, clientY };
    stage.dispatchEvent(new PointerEvent("pointerdown", { ...where, buttons: 1 }));
    stage.dispatchEvent(new PointerEvent("pointerup", where));
    await new Promise(requestAnimationFrame);
  }
  delete stage.setPointerCapture;
}"""
LINE = [(60.0, 50.0), (150.0, 70.0), (120.0, 110.0)]


@pytest.fixture
def canvas(editor: Editor) -> Editor:
    """The page with the chart in it."""
    editor.open()
    return editor


def test_what_is_painted_is_erased_and_nothing_else(canvas: Editor, server: Server) -> None:
    canvas.draw(*LINE)
    name, mask = canvas.download("mask-save")
    assert name == "photo-mask.png"
    hole = canvas.mask()
    np.testing.assert_array_equal(pixels_of(mask), hole)
    assert_stroke(hole, LINE, canvas.brush)
    canvas.erase()
    name, result = canvas.saved()
    assert name == "photo-erased.png"
    differs = changed(CHART_FILE, result)
    assert not differs[~hole].any()
    assert differs[hole].mean() > 0.95
    answer = server.client.erase(CHART_FILE, mask).json()
    np.testing.assert_array_equal(pixels_of(server.client.get(answer["data"]["image_url"]).content), pixels_of(result))
    assert not canvas.mask().any()


def test_undo_and_redo(canvas: Editor) -> None:
    canvas.draw(*LINE)
    first = canvas.mask()
    canvas.draw((30, 130), (80, 130))
    both = canvas.mask()
    assert (both & ~first).any()
    canvas["undo"].click()
    np.testing.assert_array_equal(canvas.mask(), first)
    canvas["redo"].click()
    np.testing.assert_array_equal(canvas.mask(), both)
    canvas.page.keyboard.press("Control+z")
    canvas.draw((200, 30))
    expect(canvas["redo"]).to_be_disabled()
    third = canvas.mask()
    assert_stroke(third & ~first, [(200, 30)], canvas.brush)
    canvas.page.keyboard.press("Control+z")
    canvas.page.keyboard.press("Control+z")
    expect(canvas["undo"]).to_be_disabled()
    assert not canvas.mask().any()
    canvas.page.keyboard.press("Control+y")
    canvas.page.keyboard.press("Control+Shift+z")
    np.testing.assert_array_equal(canvas.mask(), third)


def test_taking_away(canvas: Editor) -> None:
    for tool, keys in (("eraser", ""), ("brush", "Alt")):
        canvas.choose("box")
        canvas.draw((40, 40), (200, 120))
        canvas.choose(tool)
        canvas.draw((80, 80), (160, 80), keys=keys)
        taken = np.zeros(CHART[::-1], bool)
        taken[40:120, 40:200] = True
        taken &= ~canvas.mask()
        assert_stroke(taken, [(80, 80), (160, 80)], canvas.brush)


def test_areas(canvas: Editor) -> None:
    expected = np.zeros(CHART[::-1], bool)
    canvas.choose("box")
    # From the lower right, and past the picture's rim.
    canvas.draw((100, 60), (-9, -7))
    expected[:60, :100] = True
    np.testing.assert_array_equal(canvas.mask(), expected)
    canvas.draw((20, 20), (50, 40), keys="Alt")
    expected[20:40, 20:50] = False
    np.testing.assert_array_equal(canvas.mask(), expected)
    canvas.choose("lasso")
    canvas.draw((120, 80), (220, 80), (120, 150))
    y, x = np.mgrid[0 : CHART[1], 0 : CHART[0]] + 0.5
    slope = (x - 120) / 100 + (y - 80) / 70
    mask = canvas.mask()
    assert mask[(slope < 0.97) & (x > 121) & (y > 81)].all()
    assert not (mask & ~expected)[(slope > 1.03) | (x < 119) | (y < 79)].any()
    canvas.press("mask-invert")
    np.testing.assert_array_equal(canvas.mask(), ~mask)
    canvas.press("mask-clear")
    assert not canvas.mask().any()
    canvas["undo"].click()
    np.testing.assert_array_equal(canvas.mask(), ~mask)


def test_nothing_is_seen_beside_the_picture(canvas: Editor) -> None:
    mouse = canvas.page.mouse
    within, beside = (120.5, 3.5), (120.5, -3.5)
    mouse.move(*canvas.at((120, 10)))
    mouse.down()
    mouse.move(*canvas.at((120, -12)), steps=4)
    # While it is drawn, and as it is drawn from the mask from then on.
    for change in (canvas.drawn, mouse.up):
        change()
        assert canvas.colour(within, "mask")[3]
        assert not canvas.colour(beside, "mask")[3]


def test_the_size_is_shown_while_it_is_chosen(canvas: Editor) -> None:
    shown = canvas.page.evaluate(RESIZE_BRUSH, "70")
    assert shown == pytest.approx(canvas.brush * canvas.view[0], abs=1)
    expect(canvas["cursor"]).to_be_hidden()


def test_gestures_that_draw_nothing(canvas: Editor) -> None:
    for tool in ("box", "lasso"):
        canvas.choose(tool)
        canvas.draw((50, 50))
    canvas.choose("brush")
    canvas.draw((50, 50), (80, 80), button="right")
    expect(canvas["undo"]).to_be_disabled()
    assert not canvas.mask().any()


def test_a_mask_from_a_file(canvas: Editor) -> None:
    given = boxed(CHART, (50, 30, 90, 70))
    canvas.draw((60, 120), (90, 120))
    painted = canvas.mask()
    for data, message in [
        (file_of(boxed((80, 60))), "The mask is 80 \u00d7 60 pixels, the picture 240 \u00d7 160."),
        (b"no picture", "The mask is no picture that this browser can read."),
    ]:
        canvas.page.set_input_files("#mask-file", payload(data, "mask.png"))
        canvas.expect_alert(message)
        canvas["alert-close"].click()
    np.testing.assert_array_equal(canvas.mask(), painted)
    with canvas.page.expect_file_chooser() as chooser:
        canvas.press("mask-load")
    chooser.value.set_files([payload(file_of(given), "mask.png")])
    expect(canvas["status"]).to_have_text("The mask is loaded.")
    loaded = canvas.mask()
    np.testing.assert_array_equal(loaded, painted | (np.asarray(given) > 0))
    expect(canvas["undo"]).to_be_enabled()
    # What is loaded is painted on and undone like all else.
    canvas.choose("eraser")
    canvas.draw((70, 50))
    assert_stroke(loaded & ~canvas.mask(), [(70, 50)], canvas.brush)
    canvas.page.keyboard.press("Control+z")
    canvas.page.keyboard.press("Control+z")
    np.testing.assert_array_equal(canvas.mask(), painted)


def test_many_strokes(canvas: Editor) -> None:
    """More than are kept one by one; what is shown follows what is saved."""
    canvas["size"].fill("20")
    spots = [(6.0 + 13 * (i % 17), 10.0 + 25 * (i // 17)) for i in range(68)]
    canvas.page.evaluate(TAP, [list(canvas.at(spot)) for spot in spots])
    assert_spots(canvas, spots)
    for _ in range(6):
        canvas.page.keyboard.press("Control+z")
    canvas.page.mouse.click(*canvas.at((230, 150)))
    assert_spots(canvas, [*spots[:62], (230, 150)])
    shown = canvas.colours([spots[0], spots[61], spots[62], spots[67], (230, 150)], "mask")
    assert [colour[3] for colour in shown] == [255, 255, 0, 0, 255]


def assert_spots(canvas: Editor, spots: list[tuple[float, float]]) -> None:
    """The mask has a spot of the brush at each of the points, and nothing else."""
    mask = canvas.mask()
    near = np.min([distances([spot]) for spot in spots], axis=0)
    assert mask[near < canvas.brush / 2 - 1].all()
    assert not mask[near > canvas.brush / 2 + 1].any()


class TestTheView:
    @pytest.fixture
    def place(self, canvas: Editor) -> tuple[float, float]:
        """Of the window: away from the middle."""
        return canvas.at((70.5, 50.5))

    def test_the_wheel_zooms_at_the_pointer(self, canvas: Editor, place: tuple[float, float]) -> None:
        page = canvas.page
        assert canvas.look() == pytest.approx(canvas.fitted(), rel=0.01)
        page.mouse.move(*place)
        for turn, grows in ((-400, True), (300, False), (600, False)):
            before, colour = canvas.view[0], canvas.colour_at(*place)
            page.mouse.wheel(0, turn)
            scale, *_ = canvas.look()
            assert (scale > before) == grows
            assert np.abs(np.subtract(canvas.colour_at(*place), colour))[:2].max() <= 1
            canvas.draw_at(place, place)
            x, y = colour[0] + 0.5, colour[1] + 0.5
            assert_stroke(canvas.mask(), [(x, y)], canvas.brush, 1.6)
            page.keyboard.press("Control+z")

    def test_moving_it(self, canvas: Editor, place: tuple[float, float]) -> None:
        to = (place[0] + 83, place[1] - 41)
        for button, keys in (("left", "Space"), ("middle", "")):
            scale, x, y = canvas.look()
            canvas.draw_at(place, to, button=button, keys=keys)
            assert canvas.look() == pytest.approx((scale, x + 83, y - 41), abs=1)
            assert not canvas.mask().any()
            canvas.draw((70, 50), (120, 90))
            assert_stroke(canvas.mask(), [(70, 50), (120, 90)], canvas.brush)
            canvas.page.keyboard.press("Control+z")

    def test_actual_size_and_fit(self, canvas: Editor) -> None:
        canvas["actual"].click()
        expect(canvas["zoom-value"]).to_have_text("100 %")
        assert canvas.look()[0] == pytest.approx(1, rel=0.01)
        canvas.draw((20, 20), (220, 140))
        assert_stroke(canvas.mask(), [(20, 20), (220, 140)], canvas.brush)
        canvas["zoom-out"].click()
        assert canvas.look()[0] == pytest.approx(0.8, rel=0.02)
        canvas["fit"].click()
        assert canvas.look() == pytest.approx(canvas.fitted(), rel=0.01)
        canvas["zoom-in"].click()
        assert canvas.look()[0] == pytest.approx(canvas.fitted()[0] * 1.25, rel=0.01)

    def test_another_size_of_the_window(self, canvas: Editor) -> None:
        canvas.choose("box")
        canvas.draw((60, 40), (120, 80))
        before, window = canvas.look(), canvas.page.viewport_size
        assert window
        try:
            canvas.page.set_viewport_size({"width": 700, "height": 560})
            # Colours are mixed by up to half a pixel of the picture.
            assert canvas.look() == pytest.approx(canvas.fitted(), rel=0.01, abs=1.5)
            assert canvas.view != before
            inside = [(61, 41), (119, 79), (61, 79)]
            outside = [(58, 60), (122, 60), (90, 38), (90, 82)]
            assert {colour[3] for colour in canvas.colours(inside, "mask")} == {255}
            assert {colour[3] for colour in canvas.colours(outside, "mask")} == {0}
            canvas.draw((150, 100), (200, 140))
            expected = np.zeros(CHART[::-1], bool)
            expected[40:80, 60:120] = expected[100:140, 150:200] = True
            assert (canvas.mask() != expected).sum() < 200
        finally:
            canvas.page.set_viewport_size(window)

    def test_the_brush_grows_and_shrinks(self, canvas: Editor, place: tuple[float, float]) -> None:
        page, size = canvas.page, canvas.brush
        page.mouse.move(*place)
        page.keyboard.press("]")
        larger = canvas.brush
        page.keyboard.press("[")
        assert larger > size == canvas.brush
        page.keyboard.down("Shift")
        page.mouse.wheel(0, -100)
        page.keyboard.up("Shift")
        expect(canvas["size-value"]).to_have_text(f"{larger} px")
        assert canvas.look() == pytest.approx(canvas.fitted(), rel=0.01)
        width = canvas["cursor"].evaluate("(cursor) => cursor.getBoundingClientRect().width")
        assert width == pytest.approx(larger * canvas.view[0], abs=4)
        canvas.draw_at(place, place)
        assert_stroke(canvas.mask(), [(70.5, 50.5)], larger)
        for _ in range(40):
            page.keyboard.press("[")
        assert canvas.brush == 2


def test_strokes_leave_the_picture(canvas: Editor) -> None:
    canvas.draw((-2, 60), (242, 60))
    assert_stroke(canvas.mask(), [(-2, 60), (242, 60)], canvas.brush)
