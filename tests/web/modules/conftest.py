"""A tab for the tests of one file."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from support.browser import Visitor
from support.modules import BARE
from support.server import Server


@pytest.fixture(scope="module")
def visitor(browser: Browser, server: Server) -> Iterator[Visitor]:
    visitor = Visitor(browser, server.base)
    visitor.open(BARE)
    yield visitor
    visitor.leave()


@pytest.fixture
def page(visitor: Visitor) -> Iterator[Page]:
    """A tab that the tests of this file share; those that change what is in it, or what it hears, open their own."""
    (page,) = visitor.context.pages
    yield page
    assert not visitor.complaints
