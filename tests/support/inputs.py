"""Mouse and keyboard of a page that WebDriver drives, with the methods of Playwright's."""

from collections.abc import Callable
from typing import Any

# WebDriver, section 17.4.2: what stands for keys that are no characters.
_KEYS = {
    "Control": "\ue009",
    "Shift": "\ue008",
    "Alt": "\ue00a",
    "Enter": "\ue006",
    "Escape": "\ue00c",
    "PageDown": "\ue00f",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
}


class Mouse:
    """The one of the window. Places are rounded to pixels of the window, as the driver takes them."""

    def __init__(self, perform: Callable[..., None]) -> None:
        self._perform = perform
        self._place = 0.0, 0.0

    def move(self, x: float, y: float, steps: int = 1) -> None:
        x0, y0 = self._place
        for step in range(1, steps + 1):
            part = step / steps
            self._do("pointerMove", x=round(x0 + (x - x0) * part), y=round(y0 + (y - y0) * part), duration=0)
        self._place = x, y

    def down(self, button: str = "left") -> None:
        self._do("pointerDown", button=("left", "middle", "right").index(button))

    def up(self, button: str = "left") -> None:
        self._do("pointerUp", button=("left", "middle", "right").index(button))

    def _do(self, kind: str, **how: Any) -> None:
        self._perform(type="pointer", id="mouse", actions=[{"type": kind, **how}])


class Keyboard:
    """Keys by their names in Playwright, such as `Control+z`."""

    def __init__(self, perform: Callable[..., None]) -> None:
        self._perform = perform

    def down(self, key: str) -> None:
        self._do("keyDown", key)

    def up(self, key: str) -> None:
        self._do("keyUp", key)

    def press(self, keys: str) -> None:
        names = keys.split("+")
        for name in names:
            self.down(name)
        for name in reversed(names):
            self.up(name)

    def _do(self, kind: str, key: str) -> None:
        self._perform(type="key", id="keyboard", actions=[{"type": kind, "value": _KEYS.get(key, key)}])
