"""Playwright's `expect`, which also takes elements of browsers that Playwright does not drive."""

from typing import Any

import playwright.sync_api

from support.elements import Element, Expectation


def expect(seen: Any) -> Any:
    """Return the expectations of an element or a page."""
    return Expectation(seen) if isinstance(seen, Element) else playwright.sync_api.expect(seen)
