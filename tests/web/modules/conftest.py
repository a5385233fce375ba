"""A tab for the tests of one file."""

import pytest
from playwright.sync_api import Page


@pytest.fixture
def page(bare: Page) -> Page:
    """The tab without the page itself."""
    return bare
