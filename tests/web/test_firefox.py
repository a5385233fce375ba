"""The page in Firefox: each thing that people do with it, once. The details are tested in Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright

from support import flows
from support.browser import FIREFOXES, OpenPage, find_firefox, start_firefox
from support.editor import Editor


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_firefox()
    if not program:
        pytest.skip(f"needs Firefox: none of {', '.join(FIREFOXES)} is installed, and FIREFOX names none")
    playwright: Playwright = request.getfixturevalue("playwright")
    firefox = start_firefox(playwright, program, tmp_path_factory.mktemp("firefox"))
    yield firefox
    firefox.close()


def test_from_a_picture_to_its_result(editor: Editor) -> None:
    flows.from_a_picture_to_its_result(editor)


def test_what_is_painted_meanwhile_and_before_a_reload(editor: Editor) -> None:
    flows.what_is_kept_over_a_reload(editor, flows.what_is_painted_meanwhile(editor))


def test_several_pictures(editor: Editor) -> None:
    flows.several_pictures(editor)


def test_a_scribble_by_keys_selects(editor: Editor) -> None:
    flows.a_scribble_by_keys_selects(editor)


def test_from_right_to_left_without_a_key(open_page: OpenPage) -> None:
    page = open_page(locale="ar", viewport={"width": 1000, "height": 900})
    flows.from_right_to_left_without_a_key(Editor(page))
