"""The page in a browser."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, expect

from support.barriers import assert_no_barriers
from support.browser import KEY_ITEM, OpenPage, Visitor
from support.processes import until
from support.server import Server


def test_loads_without_a_complaint(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.locator("h1")).to_have_text("image-erase")
    expect(page.get_by_role("button", name="Choose a picture")).to_be_visible()


def test_has_no_barriers(open_page: OpenPage) -> None:
    assert_no_barriers(open_page())


@pytest.fixture(scope="module")
def visitor(browser: Browser, server: Server) -> Iterator[Visitor]:
    visitor = Visitor(browser, server.base)
    visitor.open("/")
    yield visitor
    visitor.leave()


class TestTheTestsHear:
    """What the tests of the page rely on: that trouble is heard."""

    @pytest.mark.parametrize(
        ("script", "complaint"),
        [
            ("console.error('broken')", "broken"),
            ("setTimeout(() => { throw new Error('lost') })", "lost"),
            ("document.body.append(Object.assign(document.createElement('script'), { text: '1' }))", "Trusted"),
            ("document.body.innerHTML = 'x'", "trusted-types"),
            ("document.body.setAttribute('style', 'color: red')", "style-src"),
            ("fetch('http://elsewhere.example/').catch(() => 0)", "connect-src"),
            ("{ const image = new Image(); image.src = 'https://elsewhere.example/x.png' }", "img-src"),
            ("void open('http://elsewhere.example/')", "request to another host"),
        ],
    )
    def test_complaints(self, visitor: Visitor, script: str, complaint: str) -> None:
        page = visitor.context.pages[0]
        page.evaluate(f"(async () => {{ try {{ {script} }} catch {{}} }})()")
        # Each look at the page lets what it has said arrive.
        until(lambda: page.title() and any(complaint in said for said in visitor.complaints), complaint)

    def test_a_tab_at_another_port(self, visitor: Visitor) -> None:
        """It may be answered, and be no request that failed."""
        with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
            thread = threading.Thread(target=other.serve_forever, args=(0.01,))
            thread.start()
            url = f"http://127.0.0.1:{other.server_port}/"
            page = visitor.context.pages[0]
            try:
                with visitor.context.expect_page() as opened:
                    page.evaluate("(url) => void open(url)", url)
                complaint = f"request to another host: {url}"
                until(lambda: page.title() and complaint in visitor.complaints, complaint)
                opened.value.close()
            finally:
                other.shutdown()
                thread.join()

    def test_a_refusal_is_no_complaint(self, browser: Browser, server: Server) -> None:
        visitor = Visitor(browser, server.base, expected=["as expected"])
        page = visitor.open("/")
        page.evaluate("fetch('/none').then(() => console.error('all as expected'))")
        visitor.leave()
        assert visitor.complaints == []


def test_a_key_is_given_once(open_page: OpenPage) -> None:
    page = open_page(key="a key")
    read = f"sessionStorage.getItem('{KEY_ITEM}')"
    assert page.evaluate(read) == "a key"
    page.evaluate(f"sessionStorage.removeItem('{KEY_ITEM}')")
    page.reload()
    assert page.evaluate(read) is None
    assert open_page().evaluate(read) is None
