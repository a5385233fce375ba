"""Results received as changed parts are shown, kept and saved like whole ones."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Response, Route, expect

from support.editor import CHART, WEIGH, Editor, chart, payload
from support.pictures import Array, file_of, pixels_of
from support.processes import until
from support.server import Server

FIRST, SECOND, THIRD = (40, 30, 90, 70), (130, 60, 190, 110), (30, 100, 80, 140)
PHOTO = file_of(chart(), "JPEG", quality=95)
RESULTS = "**/results/**"
#: Of requests that are given up.
EXPECTED = (r"net::ERR_FAILED",)
# Which of the pictures that the browser keeps are whole files.
KEPT = """() => new Promise((done) => {
  indexedDB.open("image-erase", 1).onsuccess = ({ target: { result: database } }) => {
    const found = database.transaction("files").objectStore("files").getAll();
    found.onsuccess = () => {
      database.close();
      done(found.result.map(({ blob }) => (blob ? "whole" : "part")).join());
    };
  };
})"""


class Person:
    """Someone who erases, and what the server has answered."""

    def __init__(self, page: Page) -> None:
        self.page, self.editor = page, Editor(page)
        self.answers: list[Response] = []
        page.on("response", self._hear)

    def _hear(self, answer: Response) -> None:
        if answer.url.endswith("/erase"):
            self.answers.append(answer)

    def erase(self, box: tuple[int, int, int, int], step: str) -> None:
        self.editor.choose("box")
        self.editor.draw(box[:2], box[2:])
        self.editor.erase(step)

    def whole(self, server: Server, number: int) -> bytes:
        """The file behind the link of an answer."""
        return server.client.get(self.answers[number].headers["location"]).content

    def assert_shows(self, pixels: Array) -> None:
        """What is seen of places in and around all holes."""
        places = [
            place
            for left, top, right, bottom in (FIRST, SECOND, THIRD)
            for place in ((left + 5, top + 5), (right - 3, bottom - 3), (left - 4, top + 9), (right + 18, bottom + 10))
        ]
        seen = self.editor.colours([(x + 0.5, y + 0.5) for x, y in places])
        for (x, y), shown in zip(places, seen, strict=True):
            # Browsers decode JPEGs with libjpeg-turbo too, but not with the same release.
            assert np.abs(np.subtract(shown[:3], pixels[y, x], dtype=int)).max() <= 2, (x, y)

    def kept(self, what: str) -> None:
        until(lambda: self.page.evaluate(KEPT) == what, f"the browser keeps {what}")


@pytest.fixture
def person(editor: Editor) -> Person:
    person = Person(editor.page)
    person.editor.open(PHOTO, "photo.jpg")
    return person


def test_only_what_has_changed_comes_back(person: Person, server: Server) -> None:
    page, editor, held, failed = person.page, person.editor, list[Route](), list[str]()
    page.on("requestfailed", lambda request: failed.append(request.url))

    def hold(route: Route) -> None:
        held.append(route)

    page.route(RESULTS, hold)
    page.evaluate(WEIGH)
    person.erase(FIRST, "Result 1 of 1")
    # Nobody has to wait for it, but it is fetched when nothing else goes on.
    until(lambda: page.evaluate("1") and held, "a request in the background")
    person.erase(SECOND, "Result 2 of 2")
    until(lambda: page.evaluate("1") and failed, "that request is given up")
    assert failed == [held[0].request.url]
    first, second = (person.whole(server, number) for number in range(2))
    for answer, whole in zip(person.answers, (first, second), strict=True):
        assert "x-erase-part" in answer.headers
        assert int(answer.headers["content-length"]) < len(whole) / 2
    assert page.evaluate("sent[0]") > len(PHOTO)
    assert page.evaluate("sent[1]") < len(PHOTO) / 4
    person.assert_shows(pixels_of(second))

    # The history, whose pictures are put together again.
    editor["step-back"].click()
    editor.expect_step("Result 1 of 2")
    person.assert_shows(pixels_of(first))
    editor["step-back"].click()
    editor.expect_step("Original")
    person.assert_shows(pixels_of(PHOTO))
    for step in ("Result 1 of 2", "Result 2 of 2"):
        editor["step-forward"].click()
        editor.expect_step(step)
    person.assert_shows(pixels_of(second))
    editor["compare"].click()
    editor["split"].fill("1000")
    person.assert_shows(pixels_of(PHOTO))
    page.keyboard.press("v")
    expect(editor["split"]).to_be_hidden()

    # A download waits for the file, and can be cancelled. One can paint meanwhile.
    held.clear()
    editor["download"].click()
    expect(editor["progress"]).to_be_visible()
    editor["cancel"].click()
    expect(editor["status"]).to_have_text("Cancelled")
    expect(editor["progress"]).to_be_hidden()
    editor["download"].click()
    expect(editor["progress"]).to_be_visible()
    editor.draw(THIRD[:2], THIRD[2:])
    assert editor.colour((50, 120), "mask")[3] == 255
    with page.expect_download() as started:
        held[-1].continue_()
    assert started.value.suggested_filename == "photo-erased.jpg"
    assert Path(started.value.path()).read_bytes() == second
    expect(editor["progress"]).to_be_hidden()
    # Now it is here, and what is erased next comes as a part again.
    page.unroute_all()
    page.route(RESULTS, lambda route: route.abort())
    assert editor.saved() == ("photo-erased.jpg", second)
    editor.erase("Result 3 of 3")
    person.assert_shows(pixels_of(person.whole(server, 2)))


def test_nothing_is_lost_before_the_whole_is_here(person: Person, server: Server) -> None:
    page, editor, others = person.page, person.editor, set(server.results)
    page.route(RESULTS, lambda route: route.abort())
    for number, box in enumerate((FIRST, SECOND), 1):
        person.erase(box, f"Result {number} of {number}")
    whole = person.whole(server, 1)
    person.kept("whole,part,part")
    page.reload()
    expect(editor["status"]).to_have_text("Everything is as you left it.")
    editor.await_picture(CHART)
    person.assert_shows(pixels_of(whole))
    # The server does not answer: nothing but a message, and another try.
    editor["download"].click()
    expect(editor["alert"]).to_be_visible()
    expect(editor["progress"]).to_be_hidden()
    # The server has lost it, and what is seen is saved instead.
    page.unroute_all()
    for name in set(server.results) - others:
        server.storage.joinpath(name).unlink()
    with page.expect_download() as started:
        editor["alert-action"].click()
    saved = Path(started.value.path()).read_bytes()
    assert started.value.suggested_filename == "photo-erased.jpg"
    difference = np.abs(pixels_of(saved).astype(int) - pixels_of(whole))
    assert difference.mean() < 6
    # What is seen is sent in place of the link that is lost.
    person.erase(THIRD, "Result 3 of 3")
    person.assert_shows(pixels_of(person.whole(server, -1)))


def test_the_whole_comes_in_a_quiet_moment(person: Person, server: Server) -> None:
    person.erase(FIRST, "Result 1 of 1")
    person.kept("whole,whole")
    person.page.route(RESULTS, lambda route: route.abort())
    assert person.editor.saved() == ("photo-erased.jpg", person.whole(server, 0))


def test_what_is_transparent_stays_so(editor: Editor, server: Server) -> None:
    """A PNG comes as a whole first, since browsers may turn it otherwise than the server; then in parts."""
    person = Person(editor.page)
    image = chart().convert("RGBA")
    image.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, CHART[0]).astype(np.uint8), (CHART[1], 1))))
    person.editor.open(file_of(image), "photo.png")
    person.page.route(RESULTS, lambda route: route.abort())
    person.erase(FIRST, "Result 1 of 1")
    person.erase(SECOND, "Result 2 of 2")
    assert ["x-erase-part" in answer.headers for answer in person.answers] == [False, True]
    shown = person.editor.colours([(x + 0.5, 80.5) for x in (140, 180, 220)])
    for x, colour in zip((140, 180, 220), shown, strict=True):
        wanted = pixels_of(person.whole(server, 1))[80, x]
        assert np.abs(np.subtract(colour, wanted, dtype=int)).max() <= 2


def test_several_are_saved_whole(person: Person, server: Server) -> None:
    page, editor = person.page, person.editor
    page.set_input_files("#picture-file", [payload(PHOTO, "one.jpg"), payload(PHOTO, "two.jpg")])
    expect(editor["status"]).to_contain_text("2 pictures are open")
    editor.choose("box")
    editor.draw(FIRST[:2], FIRST[2:])
    editor.press("erase-all")
    editor.expect_alert("Erased from 2 of 2 pictures.")
    assert all("x-erase-part" in answer.headers for answer in person.answers)
    with zipfile.ZipFile(io.BytesIO(editor.saved("download-all")[1])) as archive:
        saved = {name: archive.read(name) for name in archive.namelist()}
    assert saved == {f"{name}-erased.jpg": person.whole(server, at) for at, name in enumerate(("one", "two"))}
