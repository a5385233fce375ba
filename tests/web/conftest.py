"""One Chromium for the tests of the page, and tabs in it that listen for trouble; test_firefox.py has a Firefox."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, Playwright, ViewportSize, sync_playwright

from support.browser import PROGRAMS, OpenPage, Visitor, find_chromium, start_chromium
from support.editor import NOTHING, Editor, forget
from support.modules import BARE
from support.server import KEY, Server
from support.webdriver import CommandFailed

#: So large that the pixels of the chart are squares, not mixed with each other, and that nothing lies on it; no larger,
#: since frames take time.
WINDOW: ViewportSize = {"width": 800, "height": 740}
VISITORS = pytest.StashKey[list[Visitor]]()


# Not for the whole run: as long as it lives, asyncio has a running loop in the thread of the tests.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    program = find_chromium()
    if not program:
        pytest.skip(f"needs a browser: none of {', '.join(PROGRAMS)} is installed, and CHROMIUM names none")
    chromium = start_chromium(request.getfixturevalue("playwright"), program)
    yield chromium
    chromium.close()


@pytest.fixture
def open_page(request: pytest.FixtureRequest, browser: Browser, server: Server, tmp_path: Path) -> Iterator[OpenPage]:
    """Opens pages of a server, by default the one that all tests share, each for a visitor of its own.

    key: what the page finds as the key that was typed in before. options: of Playwright's new_context.
    After the test, no page may have had anything to complain of: an error in the console or an uncaught one, a
    violation of the content security policy, a request to another host. `expected` has patterns of what this test
    lets pass; that an answer was a failure always passes. A failing test leaves a screenshot of each page in its
    tmp_path.
    """
    visitors = request.node.stash.setdefault(VISITORS, [])

    def open_(
        own: Server | None = None,
        *,
        path: str = "/",
        key: str | None = None,
        expected: tuple[str, ...] = (),
        **options: Any,
    ) -> Page:
        visitor = Visitor(browser, (own or server).base, expected, **options)
        stack.callback(visitor.leave)
        visitors.append(visitor)
        if key is not None:
            visitor.give_key(key)
        return visitor.open(path)

    with ExitStack() as stack:
        yield open_
    complaints = [said for visitor in visitors for said in visitor.complaints]
    assert not complaints


@pytest.fixture(scope="module")
def bare_visitor(browser: Browser, server: Server) -> Iterator[Visitor]:
    visitor = Visitor(browser, server.base)
    visitor.open(BARE)
    yield visitor
    visitor.leave()


@pytest.fixture
def bare(bare_visitor: Visitor) -> Iterator[Page]:
    """A tab without the page itself, for its modules; the tests of a file share it, so each sets what it depends on.

    Those that change what is in it, or what it hears, open their own.
    """
    (page,) = bare_visitor.context.pages
    yield page
    assert not bare_visitor.complaints


@pytest.fixture(scope="module")
def key_holder(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Visitor]:
    """Someone with a key. What a file of tests has as EXPECTED are no complaints there."""
    visitor = Visitor(browser, server.base, getattr(request.module, "EXPECTED", ()), viewport=WINDOW)
    visitor.give_key(KEY)
    visitor.open(NOTHING)
    yield visitor
    visitor.leave()


@pytest.fixture
def editor(request: pytest.FixtureRequest, key_holder: Visitor, tmp_path: Path) -> Iterator[Editor]:
    """The page with a key and without a picture, in a tab that the tests of a file share; each begins anew."""
    request.node.stash.setdefault(VISITORS, []).append(key_holder)
    (page,) = key_holder.context.pages
    page.unroute_all()
    forget(page)
    yield Editor(page)
    assert not key_holder.complaints


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.failed:
        folder: Any = item.funcargs.get("tmp_path")
        for visitor in item.stash.get(VISITORS, []):
            report.sections.append(("browser", "\n".join(_traces(visitor, folder))))
    return report


def _traces(visitor: Visitor, folder: Path) -> list[str]:
    """What is left of a visit for who looks into a failure. It must not fail in its turn."""
    try:
        pictures = visitor.take_pictures(folder)
    except (Error, CommandFailed, OSError) as error:
        return [*visitor.complaints, f"no screenshot: {error}"]
    return [*visitor.complaints, *map(str, pictures)]
