"""Elements of a page that WebDriver drives, and what is expected of them, with the methods of Playwright's."""

import json
import re
from collections.abc import Callable
from typing import Any, Protocol

from support.processes import until
from support.webdriver import CommandFailed

Box = dict[str, float]
#: A click that would not have reached the element; later it may.
_LATER = {"element click intercepted", "element not interactable", "no such element", "stale element reference"}
# What the methods of an element do, on `element`, which is null where there is none.
_VISIBLE = "!!element?.checkVisibility({ visibilityProperty: true }) && !!element.getClientRects().length"
_FACTS = f"""element && {{
  visible: {_VISIBLE},
  enabled: !element.disabled,
  text: element.textContent.replace(/\\s+/g, " ").trim(),
  attributes: Object.fromEntries([...element.attributes].map(({{ name, value }}) => [name, value])),
  box: (({{ x, y, width, height }}) => ({{ x, y, width, height }}))(element.getBoundingClientRect()),
}}"""
_SET = """{
  element.focus();
  element.value = %s;
  for (const name of ["input", "change"]) element.dispatchEvent(new Event(name, { bubbles: true }));
}"""


class Tab(Protocol):
    """What elements need from their page."""

    def command(self, method: str, path: str, **parameters: Any) -> Any: ...
    def evaluate(self, script: str, given: Any = None) -> Any: ...
    def find(self, selector: str) -> str: ...


class Element:
    """The element that a selector finds, looked up whenever something is asked of it."""

    def __init__(self, page: Tab, selector: str) -> None:
        self._page, self._selector = page, selector

    def __str__(self) -> str:
        return self._selector

    def facts(self) -> dict[str, Any] | None:
        """Return its visibility, state, text, attributes and box; None if it does not exist."""
        return self._look(_FACTS)

    def locator(self, selector: str) -> "Element":
        return Element(self._page, f"{self._selector} {selector}")

    def is_visible(self) -> bool:
        return bool(self._look(_VISIBLE))

    def text_content(self) -> str:
        return self._look("element.textContent")

    def bounding_box(self) -> Box:
        return self._look(_FACTS)["box"]

    def focus(self) -> None:
        self._look("element.focus()")

    def click(self) -> None:
        """Click its centre as soon as it is visible, enabled and not covered."""
        until(self._is_clicked, f"a click on {self}")

    def check(self) -> None:
        if not self._look("element.checked"):
            self.click()

    def fill(self, text: str) -> None:
        self._look(f"(() => {_SET % json.dumps(text)})()")

    select_option = fill

    def _is_clicked(self) -> bool:
        facts = self.facts()
        if not (facts and facts["visible"] and facts["enabled"]):
            return False
        try:
            self._page.command("POST", f"/element/{self._page.find(self._selector)}/click")
        except CommandFailed as failure:
            if failure.code not in _LATER:
                raise
            return False
        return True

    def _look(self, what: str) -> Any:
        element = f"document.querySelector({json.dumps(self._selector)})"
        return self._page.evaluate(f"() => {{ const element = {element}; return {what}; }}")


class Expectation:
    """What is expected of an element, in the words of Playwright's; waits for it."""

    def __init__(self, element: Element) -> None:
        self._element = element

    def to_be_visible(self, **_: Any) -> None:
        self._until(lambda facts: facts["visible"], "visible")

    def to_be_hidden(self, **_: Any) -> None:
        until(lambda: not self._element.is_visible(), f"{self._element}: hidden")

    def to_have_text(self, text: str | re.Pattern[str], **_: Any) -> None:
        self._until(lambda facts: _is(facts["text"], text), f"with the text {text}")

    def to_contain_text(self, text: str, **_: Any) -> None:
        self._until(lambda facts: text in facts["text"], f"containing {text}")

    def to_have_attribute(self, name: str, value: str | re.Pattern[str], **_: Any) -> None:
        self._until(lambda facts: _is(facts["attributes"].get(name, ""), value), f"with {name} {value}")

    def _until(self, true: Callable[[dict[str, Any]], bool], what: str) -> None:
        until(lambda: (facts := self._element.facts()) is not None and true(facts), f"{self._element}: {what}")


def _is(seen: str, expected: str | re.Pattern[str]) -> bool:
    return bool(expected.search(seen)) if isinstance(expected, re.Pattern) else seen == expected
