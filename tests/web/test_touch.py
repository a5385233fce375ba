"""Fingers and pens."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from support.browser import Visitor, box_of
from support.editor import NOTHING, Editor, Point, assert_stroke, forget
from support.server import KEY, Server

# As browsers report the rear end of a pen; the pointer is one that no hand holds, so it can't be captured.
ERASE_WITH_PEN = """([points]) => {
  const stage = document.getElementById("stage");
  stage.setPointerCapture = () => {};
  const tell = (type, [clientX, clientY], buttons) => stage.dispatchEvent(new PointerEvent(type, {
    bubbles: true, cancelable: true, pointerId: 7, pointerType: "pen", isPrimary: true,
    button: type === "pointermove" ? -1 : 5, buttons, clientX, clientY,
  }));
  tell("pointerdown", points[0], 32);
  for (const point of points.slice(1)) tell("pointermove", point, 32);
  tell("pointerup", points.at(-1), 0);
}"""


class Hand:
    """Fingers on the screen, in places of the window."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)

    def down(self, *fingers: Point) -> None:
        self._send("touchStart", fingers)

    def move(self, *fingers: Point) -> None:
        self._send("touchMove", fingers)

    def up(self, *left: Point) -> None:
        """left: the fingers that stay."""
        self._send("touchEnd", left)

    def cancel(self) -> None:
        self._send("touchCancel", ())

    def _send(self, kind: str, fingers: tuple[Point, ...]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(fingers)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.fixture(scope="module")
def visitor(browser: Browser, server: Server) -> Iterator[Visitor]:
    visitor = Visitor(browser, server.base, has_touch=True, viewport={"width": 900, "height": 700})
    visitor.give_key(KEY)
    visitor.open(NOTHING)
    yield visitor
    visitor.leave()


@pytest.fixture
def tablet(visitor: Visitor) -> Iterator[Editor]:
    (page,) = visitor.context.pages
    forget(page)
    editor = Editor(page)
    editor.open()
    yield editor
    assert not visitor.complaints


def test_fingers(tablet: Editor) -> None:
    hand = Hand(tablet.page)
    line = [(60.0, 50.0), (100.0, 60.0), (140.0, 110.0)]
    places = [tablet.at(point) for point in line]
    hand.down(places[0])
    for place in places[1:]:
        hand.move(place)
    hand.up()
    one = tablet.mask()
    assert_stroke(one, line, tablet.brush)

    # Two fingers spread: what was between them stays between them, and nothing is painted.
    scale, *_ = tablet.look()
    (x, y), middle = tablet.at((120, 80)), tablet.colour((120.5, 80.5))
    hand.down((x - 50, y))
    hand.down((x - 50, y), (x + 50, y))
    for step in range(1, 6):
        hand.move((x - 50 - 10 * step, y), (x + 50 + 10 * step, y))
    hand.up((x - 100, y))
    # The one that is left moves the picture on.
    hand.move((x - 100, y + 5))
    hand.move((x - 100, y))
    hand.up()
    assert tablet.look()[0] == pytest.approx(scale * 2, rel=0.03)
    assert np.abs(np.subtract(tablet.colour_at(x, y), middle))[:2].max() <= 2
    np.testing.assert_array_equal(tablet.mask(), one)

    # One finger paints again, where it is.
    spot = (170.0, 60.0)
    hand.down(tablet.at(spot))
    hand.up()
    assert_stroke(tablet.mask() & ~one, [spot], tablet.brush)
    expect(tablet["undo"]).to_be_enabled()
    tablet["undo"].tap()
    expect(tablet["redo"]).to_be_enabled()
    np.testing.assert_array_equal(tablet.mask(), one)

    # What the system takes the finger away from is dropped.
    hand.down(tablet.at((90, 60)))
    hand.move(tablet.at((150, 60)))
    hand.cancel()
    np.testing.assert_array_equal(tablet.mask(), one)


def test_a_loupe_shows_what_the_finger_hides(tablet: Editor) -> None:
    hand, loupe = Hand(tablet.page), tablet.page.locator("#loupe")
    # It is loaded in a quiet moment.
    expect(loupe).to_have_js_property("width", 120)
    tablet.choose("eraser")
    stage = box_of(tablet["stage"])
    for point in [(120.5, 80.5), (4.5, 3.5), (235.5, 3.5)]:
        x, y = tablet.at(point)
        hand.down((x + 6, y + 6))
        expect(loupe).to_be_hidden()
        hand.move((x, y))
        expect(loupe).to_be_visible()
        tablet.drawn()
        box = box_of(loupe)
        assert stage["x"] <= box["x"]
        assert box["x"] + box["width"] <= stage["x"] + stage["width"]
        assert stage["y"] <= box["y"]
        assert not (box["x"] < x < box["x"] + box["width"] and box["y"] < y < box["y"] + box["height"])
        middle = tablet.colour_at(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, "loupe")
        assert np.abs(np.subtract(middle, tablet.colour(point))).max() <= 2
        hand.up()
        expect(loupe).to_be_hidden()
    # Two fingers move the picture, and a mouse hides nothing.
    x, y = tablet.at((120, 80))
    hand.down((x, y))
    hand.move((x, y + 9))
    hand.down((x, y), (x + 60, y))
    expect(loupe).to_be_hidden()
    hand.up()
    tablet.page.mouse.move(x, y)
    tablet.page.mouse.down()
    tablet.page.mouse.move(x + 40, y + 40, steps=3)
    expect(loupe).to_be_hidden()
    tablet.page.mouse.up()


def test_a_second_finger_late_ends_the_stroke(tablet: Editor) -> None:
    hand = Hand(tablet.page)
    line = [(60.0, 50.0), (160.0, 50.0)]
    start, end = map(tablet.at, line)
    hand.down(start)
    hand.move(end)
    hand.down(end, (end[0], end[1] + 80))
    hand.move((end[0], end[1] + 20), (end[0], end[1] + 100))
    hand.up()
    assert_stroke(tablet.mask(), line, tablet.brush)


def test_the_rear_end_of_a_pen(tablet: Editor) -> None:
    tablet.choose("box")
    tablet.draw((40, 40), (200, 120))
    tablet.choose("brush")
    box = tablet.mask()
    line = [(80.0, 80.0), (160.0, 80.0)]
    tablet.page.evaluate(ERASE_WITH_PEN, [[list(tablet.at(point)) for point in line]])
    assert_stroke(box & ~tablet.mask(), line, tablet.brush)
