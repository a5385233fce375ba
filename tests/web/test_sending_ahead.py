"""The picture is sent while the user paints; erasing then sends only its link and a mask."""

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Request, Route, expect

from support.browser import OpenPage
from support.editor import WEIGH, Editor
from support.pictures import file_of
from support.processes import until
from support.server import KEY, StartServer

SIZE = (480, 360)
NOISE = np.random.default_rng(4).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
#: Large enough to be sent ahead.
PHOTO = file_of(Image.fromarray(NOISE), "JPEG", quality=95, subsampling=0)
MASK_BYTES = 10_000
FIRST, SECOND, THIRD = (40, 30, 90, 70), (130, 60, 190, 110), (30, 200, 80, 240)
IMAGES = "**/images"
#: Of requests that are given up.
EXPECTED = (r"net::ERR_FAILED",)
# How many of the pictures that the browser keeps are at the server too.
KEPT_LINKS = """() => new Promise((done) => {
  indexedDB.open("image-erase", 1).onsuccess = ({ target: { result: database } }) => {
    const found = database.transaction("files").objectStore("files").getAll();
    found.onsuccess = () => {
      database.close();
      done(found.result.filter(({ link }) => link).length);
    };
  };
})"""


class Person:
    """Someone who paints, and what has been sent."""

    def __init__(self, page: Page) -> None:
        self.page, self.editor = page, Editor(page)
        self.asked: list[str] = []
        self.failed: list[str] = []
        self.parts: list[bool] = []
        #: Requests of pictures that wait to be let through.
        self.held: list[Route] = []
        page.on("request", self._note)
        page.on("requestfailed", lambda request: self.failed.append(request.url.rpartition("/")[2]))
        page.evaluate(WEIGH)

    def _note(self, request: Request) -> None:
        if request.method == "POST":
            self.asked.append(request.url.rpartition("/")[2])

    def hold(self) -> None:
        def hold(route: Route) -> None:
            self.held.append(route)

        self.page.route(IMAGES, hold)

    def paint(self, box: tuple[int, int, int, int] = FIRST) -> None:
        self.editor.choose("box")
        self.editor.draw(box[:2], box[2:])

    def until_held(self, count: int = 1) -> None:
        until(lambda: self.page.evaluate("1") and len(self.held) == count, "the picture is being sent")

    def paint_and_hold(self) -> None:
        """Paint, and keep the picture that is sent then from arriving."""
        self.hold()
        self.paint()
        self.until_held()

    @property
    def sent(self) -> list[int]:
        sizes: list[int] = self.page.evaluate("sent")
        return sizes


@pytest.fixture
def person(editor: Editor) -> Person:
    return opened(editor.page)


def opened(page: Page) -> Person:
    person = Person(page)
    person.editor.open(PHOTO, "photo.jpg")
    return person


def test_erasing_sends_link_and_mask(person: Person) -> None:
    page, editor = person.page, person.editor
    person.paint_and_hold()
    person.paint(SECOND)
    editor["erase"].click()
    expect(editor["progress"]).to_be_visible()
    expect(editor["bar-label"]).to_contain_text("Sending")
    # Cancelled, it is not sent any more.
    editor["cancel"].click()
    expect(editor["status"]).to_have_text("Cancelled")
    assert person.asked == ["images"]
    until(lambda: page.evaluate("1") and person.failed == ["images"], "the sending is given up")
    # Another picture is sent when it is painted on; erasing waits for that.
    editor.start_anew()
    editor.open(PHOTO, "photo.jpg")
    person.paint()
    person.until_held(2)
    editor["erase"].click()
    expect(editor["progress"]).to_be_visible()
    assert person.asked == ["images", "images"]
    with page.expect_response("**/erase") as answered:
        person.held[1].continue_()
    assert "x-erase-part" in answered.value.headers
    editor.expect_step("Result 1 of 1")
    first, second, mask = person.sent
    assert first == second == len(PHOTO)
    assert mask < MASK_BYTES
    # From the original once more: it is at the server.
    editor["step-back"].click()
    editor.expect_step("Original")
    person.paint(THIRD)
    editor["erase"].click()
    editor.expect_step("Result 1 of 1")
    assert person.asked == ["images", "images", "erase", "erase"]
    assert person.sent[-1] < MASK_BYTES


def test_the_link_is_kept_until_it_is_lost(open_page: OpenPage, start_server: StartServer) -> None:
    own = start_server(result_ttl_seconds=600)
    person = opened(open_page(own, key=KEY))
    page, editor = person.page, person.editor
    person.paint()
    until(lambda: page.evaluate(KEPT_LINKS) == 1, "the browser keeps the link")
    page.reload()
    expect(editor["status"]).to_have_text("Everything is as you left it.")
    editor.await_picture(SIZE)
    page.evaluate(WEIGH)
    editor.erase()
    assert person.asked == ["images", "erase"]
    assert person.sent[-1] < MASK_BYTES
    # The link expires: the picture is sent with the mask, and nothing said.
    editor["step-back"].click()
    editor.expect_step("Original")
    own.clock.now += 601
    person.paint(SECOND)
    with page.expect_response(lambda answer: answer.url.endswith("/erase") and answer.ok) as answered:
        editor.erase()
    assert "x-erase-part" in answered.value.headers
    expect(editor["alert"]).to_be_hidden()
    assert person.asked == ["images", "erase", "erase", "erase"]
    assert person.sent[-1] > len(PHOTO)


def test_where_it_fails_the_picture_goes_with_the_mask(person: Person) -> None:
    """Nothing is said of it. A server that does not have the path is not asked again."""
    page, editor = person.page, person.editor
    person.paint_and_hold()
    editor["erase"].click()
    expect(editor["progress"]).to_be_visible()
    person.held[0].abort()
    editor.expect_step("Result 1 of 1")
    expect(editor["alert"]).to_be_hidden()
    assert person.asked == ["images", "erase"]
    assert person.sent[-1] > len(PHOTO)

    page.unroute_all()
    page.route(IMAGES, lambda route: route.fulfill(status=404, content_type="text/plain", body="Not Found"))
    for number in (1, 2):
        editor.start_anew()
        editor.open(PHOTO, f"photo-{number}.jpg")
        person.paint()
        editor.erase()
    expect(editor["alert"]).to_be_hidden()
    assert person.asked[2:] == ["images", "erase", "erase"]
    assert min(person.sent[-2:]) > len(PHOTO)


def test_nothing_is_sent_without_a_key_or_where_it_is_switched_off(open_page: OpenPage) -> None:
    person = Person(open_page(expected=EXPECTED))
    page, editor = person.page, person.editor
    person.hold()
    editor.open(PHOTO, "photo.jpg")
    person.paint()
    editor["erase"].click()
    editor["key-value"].fill(KEY)
    editor["key-save"].click()
    editor.expect_step("Result 1 of 1")
    assert person.asked == ["erase"]

    editor.start_anew()
    editor.open(PHOTO, "photo.jpg")
    person.paint()
    person.until_held()
    editor["more"].click()
    editor["ahead"].uncheck()
    until(lambda: page.evaluate("1") and person.failed == ["images"], "the sending is given up")
    editor["ahead"].check()
    person.until_held(2)
    editor["ahead"].uncheck()
    until(lambda: page.evaluate("1") and person.failed == ["images"] * 2, "it is given up again")
    page.reload()
    editor.await_picture(SIZE)
    expect(editor["ahead"]).not_to_be_checked()
    person.paint(SECOND)
    editor.erase()
    assert person.asked == ["erase", "images", "images", "erase"]
