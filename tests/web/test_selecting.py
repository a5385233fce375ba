"""Selecting objects with a scribble; other results and previous masks."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from support.browser import OpenPage
from support.editor import CHART_FILE, WEIGH, Editor
from support.pictures import boxed, changed, file_of
from support.server import KEY, StartServer

SIZE = (240, 160)
THING = (90, 50, 150, 110)


def scene(size: tuple[int, int] = SIZE) -> bytes:
    """A red disc on green noise."""
    noise = np.random.default_rng(1).integers(90, 110, (size[1], size[0], 3), np.uint8)
    noise[..., 0] //= 2
    image = Image.fromarray(noise)
    scale = size[0] / SIZE[0]
    ImageDraw.Draw(image).ellipse([side * scale for side in THING], fill=(200, 30, 30))
    return file_of(image, compress_level=1)


def thing(size: tuple[int, int] = SIZE) -> np.ndarray:
    image = Image.new("L", size)
    ImageDraw.Draw(image).ellipse([side * size[0] / SIZE[0] for side in THING], fill=255)
    return np.asarray(image) > 0


@pytest.fixture
def canvas(editor: Editor) -> Editor:
    editor.open(scene())
    return editor


def scribble(editor: Editor) -> None:
    editor.choose("select")
    scale = editor.size[0] / SIZE[0]
    editor.draw(*((x * scale, y * scale) for x, y in ((102, 66), (140, 72), (98, 80), (142, 88), (104, 96))))
    expect(editor["selection"]).to_be_visible()


def agreement(mask: np.ndarray, expected: np.ndarray) -> float:
    """Intersection over union."""
    return float((mask & expected).sum() / (mask | expected).sum())


def test_a_scribble_selects_the_thing(canvas: Editor) -> None:
    scribble(canvas)
    # It is shown, and not painted yet.
    assert canvas.colour((120, 60), "draft")[3] > 100
    assert canvas.colour((60, 60), "draft")[3] == 0
    expect(canvas["undo"]).to_be_disabled()
    canvas["select-accept"].click()
    expect(canvas["selection"]).to_be_hidden()
    expect(canvas["undo"]).to_be_enabled()
    selected = canvas.mask()
    assert agreement(selected, thing()) > 0.9
    canvas["undo"].click()
    assert not canvas.mask().any()
    canvas["redo"].click()
    canvas.erase()
    assert changed(scene(), canvas.saved()[1])[thing()].mean() > 0.9


def test_it_is_adjusted(canvas: Editor) -> None:
    scribble(canvas)
    areas = []
    for button, presses in (("select-grow", 4), ("select-shrink", 4), ("select-shrink", 3)):
        for _ in range(presses):
            canvas[button].click()
        canvas["stage"].focus()
        canvas.page.keyboard.press("Enter")
        expect(canvas["undo"]).to_be_enabled()
        areas.append(canvas.mask().sum())
        canvas["undo"].click()
        scribble(canvas)
    assert areas[0] > areas[1] * 1.1 or areas[0] > areas[2] * 1.1
    canvas.page.keyboard.press("Escape")
    expect(canvas["selection"]).to_be_hidden()
    assert canvas.colour((120, 60), "draft")[3] == 0


def test_erasing_takes_it(canvas: Editor) -> None:
    scribble(canvas)
    canvas.erase()
    assert changed(scene(), canvas.saved()[1])[thing()].mean() > 0.9


def test_a_large_picture_is_sent_small(editor: Editor) -> None:
    size = (1800, 1200)
    picture = scene(size)
    assert len(picture) > 3 << 20
    editor.open(picture)
    editor.page.evaluate(WEIGH)
    scribble(editor)
    assert editor.page.evaluate("sent[0]") < 2 << 20
    editor["select-accept"].click()
    expect(editor["undo"]).to_be_enabled()
    assert agreement(editor.mask(), thing(size)) > 0.9


def test_nothing_of_it_is_left_when_it_fails(canvas: Editor) -> None:
    problem = {"type": "tag:image-erase,2026:too-many-requests", "detail": "The server is busy, try again in 2 s."}
    canvas.page.route("**/select", lambda route: route.fulfill(status=429, json=problem), times=1)
    canvas.choose("select")
    canvas.draw((110, 80), (130, 84))
    canvas.expect_alert("The server is busy. Try again in a moment.")
    expect(canvas["selection"]).to_be_hidden()
    canvas["alert-action"].click()
    expect(canvas["selection"]).to_be_visible()
    assert canvas.page.evaluate("sessionStorage.getItem('image-erase-key')") == KEY


def test_another_result_and_the_previous_mask(open_page: OpenPage, start_server: StartServer) -> None:
    canvas = Editor(open_page(start_server(engine="exemplar"), key=KEY))
    canvas.open()
    canvas.choose("box")
    canvas.draw(THING[:2], THING[2:])
    box = np.asarray(boxed(SIZE, THING)) > 0
    expect(canvas["another"]).to_be_disabled()
    canvas.erase()
    first = canvas.saved()[1]
    canvas["another"].click()
    canvas.expect_step("Result 2 of 2")
    second = canvas.saved()[1]
    assert changed(first, second)[box].any()
    assert not changed(CHART_FILE, second)[~box].any()
    # It lies after the first, which undo brings again.
    canvas["undo"].click()
    canvas.expect_step("Result 1 of 2")
    assert canvas.saved()[1] == first
    canvas.press("mask-again")
    expect(canvas["erase"]).to_have_attribute("aria-disabled", "false")
    np.testing.assert_array_equal(canvas.mask(), box)
    # How a result was made is kept with it.
    canvas.page.wait_for_function("dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    canvas.page.reload()
    expect(canvas["status"]).to_have_text("Everything is as you left it.")
    expect(canvas["another"]).to_be_enabled()
    np.testing.assert_array_equal(canvas.mask(), box)
