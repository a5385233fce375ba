"""The page in WebKitGTK's browser: each thing that people do with it, once. The details are tested in Chromium.

Under a driver, its window is a private one, which keeps no files over a reload. Only where it is asked for: when other
programs use the processors, the browser now and then stops for longer than the tests wait.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support import flows, webdriver
from support.browser import KEY_ITEM
from support.editor import CHART_FILE, Editor
from support.expecting import expect
from support.processes import until
from support.server import KEY, Server
from support.webkit import WebKit, WebKitPage
from web.conftest import VISITORS, WINDOW

FORGET = "() => { localStorage.clear(); sessionStorage.clear(); }"
GIVE_KEY = "([item, key]) => sessionStorage.setItem(item, key)"


@pytest.fixture(scope="module")
def browser(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebKitPage]:
    if not os.environ.get("WEBKIT"):
        pytest.skip("runs where the variable WEBKIT is set")
    if lacking := webdriver.lacking():
        pytest.skip(f"needs {' and '.join(lacking)} on the path")
    with closing(WebKit(tmp_path_factory.mktemp("webkit"))) as webkit:
        yield webkit.new_page(WINDOW, server.base)


@pytest.fixture
def editor(request: pytest.FixtureRequest, browser: WebKitPage, tmp_path: Path) -> Iterator[Editor]:
    """The page without a key and without a picture."""
    visitors: list[Any] = request.node.stash.setdefault(VISITORS, [])
    visitors.append(browser)
    # Where something has been downloaded, a bar takes a part of the window.
    browser.set_viewport_size(WINDOW)
    browser.goto("/page/icon.svg")
    browser.evaluate(FORGET)
    browser.goto("/")
    page: Any = browser
    yield Editor(page)
    assert not browser.complaints


@pytest.fixture
def key_holder(editor: Editor) -> Editor:
    editor.page.evaluate(GIVE_KEY, [KEY_ITEM, KEY])
    editor.page.reload()
    return editor


def test_from_a_picture_to_its_result(key_holder: Editor) -> None:
    flows.from_a_picture_to_its_result(key_holder)


def test_what_is_painted_meanwhile(key_holder: Editor) -> None:
    flows.what_is_painted_meanwhile(key_holder)


def test_several_pictures(key_holder: Editor) -> None:
    flows.several_pictures(key_holder)


def test_a_scribble_by_keys_selects(key_holder: Editor) -> None:
    flows.a_scribble_by_keys_selects(key_holder)


def test_from_right_to_left_without_a_key(editor: Editor) -> None:
    editor["more"].click()
    editor["language"].select_option("ar")
    editor.page.keyboard.press("Escape")
    flows.from_right_to_left_without_a_key(editor)


def test_what_is_saved_and_that_nothing_is_kept(browser: WebKitPage, key_holder: Editor) -> None:
    """The flows take downloads from the page; this one is the browser's own."""
    key_holder.open(name="saved.png")
    expect(key_holder["status"]).to_contain_text("This browser has no room to keep your work")
    saved = browser.downloads / "saved.png"
    key_holder.press("download")
    until(lambda: saved.exists() and saved.read_bytes() == CHART_FILE, "the file is saved")
    browser.reload()
    expect(key_holder["welcome"]).to_be_visible()
