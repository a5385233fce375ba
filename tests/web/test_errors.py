"""Error messages of the page, and recovery."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import expect

from support.browser import KEY_ITEM, OpenPage
from support.editor import CHART, CHART_FILE, Editor, chart
from support.pictures import boxed, file_of, noise_file
from support.processes import until
from support.server import KEY, Server, StartServer, continue_workers

BOX = (60, 40, 120, 80)
UNLOADED = r"Failed to load resource: net::"
STORED = f"[sessionStorage.getItem('{KEY_ITEM}'), JSON.stringify(localStorage), document.cookie, location.href]"


def painted(editor: Editor, data: bytes = CHART_FILE, name: str = "photo.png") -> Editor:
    """Open a picture and paint a box on it."""
    editor.open(data, name)
    return paint_box(editor)


def paint_box(editor: Editor) -> Editor:
    editor.choose("box")
    scale = editor.size[0] / CHART[0]
    editor.draw(*((BOX[at] * scale, BOX[at + 1] * scale) for at in (0, 2)))
    return editor


def assert_box(editor: Editor) -> None:
    """What was painted is painted still, on a picture of whatever size, give or take its rim."""
    scale = editor.size[0] / CHART[0]
    left, top, right, bottom = BOX
    expected = (
        np.asarray(
            boxed(editor.size, (round(left * scale), round(top * scale), round(right * scale), round(bottom * scale)))
        )
        > 0
    )
    assert (editor.mask() != expected).sum() <= 2 * sum(editor.size)
    assert editor.mask().any()


def refused(server: Server, image: bytes, size: tuple[int, int] = CHART, key: str = KEY) -> str:
    """What the server itself says."""
    files = {"image": image, "mask": file_of(boxed(size))}
    message = server.client.request("POST", "/erase", key=key, files=files).json()["detail"]
    assert message
    return str(message)


class TestTheKey:
    def test_is_asked_for_until_it_is_right(self, open_page: OpenPage, server: Server) -> None:
        editor = painted(Editor(open_page()))
        dialog, value, page = editor["key-dialog"], editor["key-value"], editor.page
        editor["erase"].click()
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
        expect(editor["progress"]).to_be_hidden()
        assert_box(editor)
        editor["erase"].click()
        value.fill("wrong")
        editor["key-save"].click()
        expect(editor["key-error"]).to_have_text("The server does not know this API key.")
        expect(dialog).to_be_visible()
        assert page.evaluate(STORED)[0] is None
        value.fill(f" {KEY} ")
        page.keyboard.press("Enter")
        editor.expect_step("Result 1 of 1")
        expect(dialog).to_be_hidden()

        # It is in this tab's session storage and nowhere else, the field of the dialog included.
        stored, *elsewhere = page.evaluate(STORED)
        assert stored == KEY
        assert not any(KEY in place for place in elsewhere)
        assert value.input_value() == ""
        assert page.context.storage_state()["cookies"] == []
        other = page.context.new_page()
        other.goto("/")
        assert other.evaluate(STORED)[0] is None
        other.close()

        editor.press("key")
        editor["key-forget"].click()
        expect(dialog).to_be_hidden()
        assert page.evaluate(STORED)[0] is None
        editor.draw(BOX[:2], BOX[2:])
        editor["erase"].click()
        expect(dialog).to_be_visible()

    def test_is_remembered_where_that_is_wanted(self, open_page: OpenPage) -> None:
        page = open_page()
        page.click("#more")
        page.click("#key")
        expect(page.locator("#key-remember")).not_to_be_checked()
        page.fill("#key-value", KEY)
        page.check("#key-remember")
        page.click("#key-save")
        expect(page.locator("#key-dialog")).to_be_hidden()
        other = page.context.new_page()
        other.goto("/")
        editor = painted(Editor(other))
        editor.erase()
        editor.press("key")
        expect(editor["key-remember"]).to_be_checked()
        editor["key-forget"].click()
        assert KEY not in "".join(map(str, other.evaluate(STORED)))

    def test_comes_with_an_invitation(self, open_page: OpenPage) -> None:
        asked: list[str] = []
        page = open_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"/?from=mail#key={quote(KEY)}")
        assert page.url.endswith("/?from=mail")
        assert page.evaluate("history.length") <= 3
        painted(Editor(page)).erase()
        assert not any(KEY in url for url in asked)
        stored, *elsewhere = page.evaluate(STORED)
        assert stored == KEY
        assert not any(KEY in place for place in elsewhere)

    def test_that_is_taken_no_more(self, open_page: OpenPage, start_server: StartServer) -> None:
        own = start_server(api_keys=("another-key",))
        editor = painted(Editor(open_page(own, key=KEY)))
        editor["erase"].click()
        expect(editor["key-error"]).to_have_text("The server does not know this API key.")
        assert editor.page.evaluate(STORED)[0] is None
        editor["key-value"].fill("another-key")
        editor["key-save"].click()
        editor.expect_step("Result 1 of 1")
        assert editor.page.evaluate(STORED)[0] == "another-key"

    def test_that_was_given_up_while_it_was_tried(self, open_page: OpenPage) -> None:
        """A late answer neither stores it nor closes the dialog of the next one."""
        page = open_page()
        late: list[Callable[[], None]] = []
        page.route("**/query-credits", lambda route: late.append(route.continue_))
        for button, outcome in (("key-forget", None), ("key-dialog [data-close]", None)):
            page.click("#more")
            page.click("#key")
            page.fill("#key-value", KEY)
            page.click("#key-save")
            until(lambda: page.title() and late, "the key is tried")
            page.click(f"#{button}")
            page.click("#more")
            page.click("#key")
            with page.expect_response("**/query-credits"):
                late.pop()()
            page.evaluate("new Promise((done) => setTimeout(done))")
            expect(page.locator("#key-dialog")).to_be_visible()
            assert page.evaluate(STORED)[0] == outcome
            page.keyboard.press("Escape")


class TestTooLarge:
    """Known at opening, before anything is painted; and said by the server where it is not."""

    @pytest.mark.parametrize("limit", ["bytes", "pixels"])
    def test_a_picture(self, open_page: OpenPage, start_server: StartServer, limit: str) -> None:
        size = (480, 320)
        data = noise_file(size) if limit == "bytes" else file_of(chart(size))
        own = start_server(**({"large_file_bytes": 60_000} if limit == "bytes" else {"large_pixels": 60_000}))
        editor = Editor(open_page(own, key=KEY))
        editor.open(data, "large.png")
        expect(editor["alert-text"]).to_contain_text("this server takes")
        editor["alert-action"].click()
        expect(editor["alert"]).to_be_hidden()
        expect(editor["status"]).to_contain_text("pixels now")
        stage = editor["stage"].get_attribute("aria-label")
        width, height = (int(word) for word in stage.split() if word.isdigit())
        editor.await_picture((width, height))
        assert width * height <= 60_000 if limit == "pixels" else width <= 480
        paint_box(editor)
        with editor.page.expect_request("**/erase") as sent:
            editor.erase()
        assert len(sent.value.post_data_buffer or b"") < 70_000
        assert editor.download()[0] == "large-erased.jpg"
        # The picture that was sent is the original now, with what was painted.
        editor["step-back"].click()
        assert_box(editor)
        assert len(editor.download()[1]) <= 60_000

    def test_that_only_the_server_knew_of(self, open_page: OpenPage, start_server: StartServer) -> None:
        own = start_server(large_pixels=60_000)
        size, data = (480, 320), file_of(chart((480, 320)))
        page = open_page(key=KEY)
        page.route("**/limits.json", lambda route: route.fulfill(status=404))
        page.reload()
        editor = painted(Editor(page), data)
        page.unroute_all()
        answer = own.client.request("POST", "/erase", files={"image": data, "mask": file_of(boxed(size))})
        page.route("**/erase", lambda route: route.fulfill(status=413, json=answer.json()), times=1)
        editor["erase"].click()
        editor.expect_alert("The picture has more pixels than this server takes.")
        editor.expect_said_by_server(answer.json()["detail"])
        editor["alert-action"].click()
        editor.expect_step("Result 1 of 1")

    def test_beyond_all_help(self, open_page: OpenPage, start_server: StartServer) -> None:
        """What can't be made smaller is not sent."""
        editor = Editor(open_page(start_server(large_file_bytes=100), key=KEY))
        editor.open()
        editor.page.on("request", lambda request: pytest.fail(request.url))
        editor["alert-action"].click()
        editor.expect_alert("No picture has only 100 bytes.")


def test_nothing_is_painted(editor: Editor) -> None:
    requests: list[str] = []
    editor.page.on("request", lambda request: requests.append(request.url))
    editor.open()
    expect(editor["erase"]).to_have_attribute("aria-disabled", "true")
    editor["erase"].dispatch_event("click")
    editor.expect_alert("Paint over what should go first.")
    editor["alert-close"].click()
    expect(editor["alert"]).to_be_hidden()
    editor.draw((50, 50))
    editor["undo"].click()
    editor.page.keyboard.press("Control+Enter")
    editor.expect_alert("Paint over what should go first.")
    assert [url for url in requests if url.endswith("/erase")] == []


def test_the_queue_is_full(open_page: OpenPage, start_server: StartServer) -> None:
    own = start_server(queue=0)
    editor = painted(Editor(open_page(own, key=KEY)))
    workers = own.stop_workers()
    own.client.start_erase()
    until(own.client.is_full, "the server is full")
    editor["erase"].click()
    editor.expect_alert("The server is busy. Try again in a moment.")
    editor.expect_said_by_server(refused(own, CHART_FILE))
    expect(editor["alert-action"]).to_have_text("Try again")
    assert_box(editor)
    continue_workers(workers)
    until(lambda: not own.client.is_full(), "the server is free again")
    editor["alert-action"].click()
    editor.expect_step("Result 1 of 1")
    expect(editor["alert"]).to_be_hidden()


def test_the_server_has_gone(open_page: OpenPage, tmp_path: Path) -> None:
    with Server(tmp_path / "gone") as own:
        editor = painted(Editor(open_page(own, expected=(UNLOADED,))))
        editor.page.evaluate(f"sessionStorage.setItem('{KEY_ITEM}', '{KEY}')")
    editor["erase"].click()
    editor.expect_alert("The server can't be reached.")
    expect(editor["alert-action"]).to_have_text("Try again")
    editor["alert-action"].click()
    editor.expect_alert("The server can't be reached.")
    assert_box(editor)
    editor.page.evaluate(f"sessionStorage.removeItem('{KEY_ITEM}')")
    editor["erase"].click()
    editor["key-value"].fill(KEY)
    editor["key-save"].click()
    expect(editor["key-error"]).to_have_text("The server can't be reached.")
    editor.page.keyboard.press("Escape")
    assert editor.download() == ("photo.png", CHART_FILE)


def test_a_refusal_that_is_no_matter_of_the_key(editor: Editor) -> None:
    """What stands before the server answers 403 with words of its own."""
    painted(editor)
    editor.page.route("**/erase", lambda route: route.fulfill(status=403, body="<Error/>"))
    try:
        editor["erase"].click()
        editor.expect_alert("The answer is not one of the erasing server's (HTTP 403 Forbidden).")
        expect(editor["alert-more"]).to_be_hidden()
        expect(editor["key-dialog"]).to_be_hidden()
        assert editor.page.evaluate(STORED)[0] == KEY
    finally:
        editor.page.unroute_all()
    editor["alert-action"].click()
    editor.expect_step("Result 1 of 1")
