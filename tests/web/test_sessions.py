"""Sessions after a reload, a closed tab, and in a second tab."""

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from support.browser import ACTION_MS, OpenPage
from support.editor import CHART, CHART_FILE, NOTHING, WEIGH, Editor, payload
from support.pictures import boxed, file_of
from support.processes import until
from support.server import KEY, Server

FIRST, SECOND = (40, 30, 90, 70), (130, 60, 190, 110)
# Waits until the database has as many sessions, pictures, shapes and shapes taken back. Playwright itself awaits no
# promise of a condition: it takes every one for true.
KEPT = """async ([counts, limit]) => {
  const count = () => new Promise((done) => {
    const request = indexedDB.open("image-erase", 1);
    request.onsuccess = () => {
      const database = request.result;
      const transaction = database.transaction(["sessions", "files", "masks"]);
      const all = (name) => new Promise((found) => {
        const got = transaction.objectStore(name).getAll();
        got.onsuccess = () => found(got.result);
      });
      Promise.all([all("sessions"), all("files"), all("masks")]).then(([sessions, files, masks]) => {
        database.close();
        const sum = (list) => list.reduce((count, each) => count + each.length, 0);
        const shapes = [sum(masks.map((mask) => mask.shapes)), sum(masks.map((mask) => mask.undone))];
        done([sessions.length, files.length, ...shapes].join());
      });
    };
  });
  const end = performance.now() + limit;
  for (let found; (found = await count()) !== counts; await new Promise((done) => setTimeout(done, 20))) {
    if (performance.now() > end) throw new Error(`the database has ${found}, not ${counts}`);
  }
}"""
# Whether the page lets itself be left without a question.
LEAVES = "() => dispatchEvent(new Event('beforeunload', { cancelable: true }))"


def hole(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    none = np.zeros(CHART[::-1], bool)
    return np.logical_or.reduce([none, *(np.asarray(boxed(CHART, box)) > 0 for box in boxes)])


def paint(editor: Editor, box: tuple[int, int, int, int]) -> None:
    editor.choose("box")
    editor.draw(box[:2], box[2:])


def kept(page: Page, counts: str) -> None:
    """Wait until the database has that many sessions, pictures, shapes and shapes taken back."""
    page.evaluate(KEPT, [counts, ACTION_MS])


def work_in(editor: Editor) -> None:
    """A picture with a result, a loaded mask and a stroke that was taken back."""
    page = editor.page
    editor.open()
    paint(editor, FIRST)
    editor.erase()
    page.set_input_files("#mask-file", payload(file_of(boxed(CHART, SECOND)), "mask.png"))
    expect(editor["status"]).to_have_text("The mask is loaded.")
    paint(editor, FIRST)
    page.keyboard.press("Control+z")
    kept(page, "1,2,2,1")
    page.wait_for_function(LEAVES)


def expect_work(editor: Editor, result: bytes) -> None:
    """All of it is there, after which it is again as it was."""
    expect(editor["status"]).to_have_text("Everything is as you left it.")
    expect(editor["step-value"]).to_have_text("Result 1 of 1")
    editor.await_picture(CHART)
    assert editor.saved()[1] == result
    np.testing.assert_array_equal(editor.mask(), hole(SECOND))
    editor["redo"].click()
    np.testing.assert_array_equal(editor.mask(), hole(SECOND, FIRST))
    for _ in range(3):
        editor["undo"].click()
    editor.expect_step("Original")
    np.testing.assert_array_equal(editor.mask(), hole(FIRST))
    assert editor.saved() == ("photo.png", CHART_FILE)
    editor["redo"].click()
    editor.expect_step("Result 1 of 1")
    editor["redo"].click()
    np.testing.assert_array_equal(editor.mask(), hole(SECOND))


def test_nothing_is_lost(open_page: OpenPage) -> None:
    """Neither by a reload nor by a closed tab."""
    page = open_page(key=KEY)
    editor = Editor(page)
    work_in(editor)
    result = editor.saved()[1]
    page.reload()
    expect_work(editor, result)
    kept(page, "1,2,2,1")
    page.wait_for_function(LEAVES)
    context = page.context
    page.close()
    page = context.new_page()
    page.goto("/")
    editor = Editor(page)
    expect_work(editor, result)
    # The link is kept too, so that the picture is not sent again.
    page.evaluate(WEIGH)
    editor.erase("Result 2 of 2")
    assert page.evaluate("sent[0]") < len(result) / 4


def test_a_second_tab_begins_with_nothing(open_page: OpenPage) -> None:
    page = open_page(key=KEY)
    Editor(page).open()
    kept(page, "1,1,0,0")
    other = page.context.new_page()
    other.goto("/")
    expect(other.locator("#keep-label")).to_be_attached()
    second = Editor(other)
    second.open(file_of(boxed((80, 60))), "other.png")
    kept(other, "2,2,0,0")
    for each, size in ((page, CHART), (other, (80, 60))):
        each.reload()
        Editor(each).await_picture(size)


def test_another_picture_replaces_it_and_start_anew_deletes_it(editor: Editor) -> None:
    page = editor.page
    work_in(editor)
    page.set_input_files("#picture-file", payload(file_of(boxed((80, 60))), "other.png"))
    editor["replace-yes"].click()
    editor.await_picture((80, 60))
    kept(page, "1,1,0,0")
    paint(editor, (10, 10, 40, 40))
    editor.erase()
    paint(editor, (20, 20, 50, 50))
    paint(editor, (30, 30, 60, 50))
    page.keyboard.press("Control+z")
    kept(page, "1,2,2,1")
    editor.press("anew")
    page.get_by_role("button", name="Keep this one").click()
    expect(editor["editor"]).to_be_visible()
    editor.press("anew")
    expect(editor["replace-title"]).to_have_text("Start anew?")
    editor["replace-yes"].click()
    expect(editor["welcome"]).to_be_visible()
    expect(editor["choose"]).to_be_focused()
    expect(editor["said"]).to_contain_text("deleted from this browser")
    kept(page, "0,0,0,0")
    page.reload()
    expect(editor["welcome"]).to_be_visible()
    editor.open()
    kept(page, "1,1,0,0")


def test_the_switch_in_the_page(editor: Editor) -> None:
    page = editor.page
    work_in(editor)
    editor["more"].click()
    editor["keep"].uncheck()
    kept(page, "0,0,0,0")
    # A result that was not downloaded would be lost now.
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    assert not page.evaluate(LEAVES)
    editor.saved()
    page.reload()
    expect(editor["welcome"]).to_be_visible()
    editor["more"].click()
    expect(editor["keep"]).not_to_be_checked()
    editor["keep"].check()
    page.keyboard.press("Escape")
    editor.open()
    kept(page, "1,1,0,0")
    page.reload()
    editor.await_picture(CHART)


def test_the_setting_of_the_server(editor: Editor, server: Server) -> None:
    page = editor.page
    work_in(editor)
    facts = server.client.get("/page/limits.json").json()
    assert facts["keepSessions"] is True
    page.route("**/limits.json", lambda route: route.fulfill(json=facts | {"keepSessions": False}))
    page.reload()
    kept(page, "0,0,0,0")
    expect(editor["welcome"]).to_be_visible()
    editor["more"].click()
    expect(editor["keep"]).to_be_hidden()


@pytest.mark.parametrize("trouble", ["quota", "no files", "no database"])
def test_a_browser_without_room(open_page: OpenPage, trouble: str) -> None:
    spoil = {
        "quota": """IDBObjectStore.prototype.put = () => { throw new DOMException("full", "QuotaExceededError"); };""",
        # As in a private window of WebKit: a part of a transaction fails, and the transaction is completed.
        "no files": """
          const { put } = IDBObjectStore.prototype;
          IDBObjectStore.prototype.put = function (...given) {
            const request = put.apply(this, given);
            const value = { error: new DOMException("no files", "UnknownError") };
            const event = Object.defineProperty(new Event("error"), "target", { value });
            request.addEventListener("success", () => this.transaction.dispatchEvent(event));
            return request;
          };
        """,
        "no database": """IDBFactory.prototype.open = () => { throw new DOMException("private", "SecurityError"); };""",
    }
    page = open_page(key=KEY, path=NOTHING)
    page.context.add_init_script(spoil[trouble])
    page.goto("/")
    editor = Editor(page)
    editor.open()
    if trouble != "no database":
        expect(editor["status"]).to_contain_text("has no room")
    paint(editor, FIRST)
    editor.erase()
    assert not page.evaluate(LEAVES)
    editor.saved()


def test_strokes_are_kept_as_they_are_made(editor: Editor) -> None:
    page = editor.page
    editor.open()
    kept(page, "1,1,0,0")
    paint(editor, FIRST)
    paint(editor, SECOND)
    # At once, while the page still writes or has not even begun to.
    page.reload()
    expect(editor["status"]).to_have_text("Everything is as you left it.")
    editor.await_picture(CHART)
    np.testing.assert_array_equal(editor.mask(), hole(FIRST, SECOND))


def test_a_picture_that_is_opened_at_once(editor: Editor) -> None:
    """Before the page knows whether sessions are kept, and what the last one was."""
    page = editor.page
    work_in(editor)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/limits.json", hold)
    page.reload()
    page.set_input_files("#picture-file", payload(file_of(boxed((80, 60))), "other.png"))
    expect(editor["welcome"]).to_be_visible()
    until(lambda: page.title() and held, "the page asks for the limits")
    held[0].continue_()
    editor["replace-yes"].click()
    editor.await_picture((80, 60))
    kept(page, "1,1,0,0")
