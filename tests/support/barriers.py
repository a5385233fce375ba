"""Check a page for accessibility by axe-core."""

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page

# The library stays in the document. Its full report is large and takes longer to transfer than to create.
_FIND = "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => ({ violations }))"


def assert_no_barriers(page: Page, state: str = "the page") -> None:
    """Assert that axe-core finds nothing wrong in what is shown now. state: of the page, for the message."""
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(AXE_SCRIPT)
    found = AxeResults(page.evaluate(_FIND))
    assert found.violations_count == 0, f"{state}: {found.generate_report()}"
