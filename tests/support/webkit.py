"""WebKitGTK's browser with one page, which has those methods of Playwright's `Page` that the flows use.

Playwright drives only a WebKit of its own. What is downloaded is taken from the page: for every download the browser
shows a bar, which makes the page lower.
"""

import base64
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any, Literal
from urllib.parse import urljoin

from playwright.sync_api import FilePayload, ViewportSize

from support.catching import CATCH
from support.elements import Element
from support.inputs import Keyboard, Mouse
from support.processes import until
from support.webdriver import Driver

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_SIDES: tuple[Literal["width", "height"], ...] = ("width", "height")
_SIZE = "({ width: innerWidth, height: innerHeight })"
_RUN = """
const [given, done] = arguments;
const value = (%s);
Promise.resolve(typeof value === "function" ? value(given) : value)
  .then((result) => done({ result: result ?? null }), (error) => done({ error: String(error) }));
"""
_LISTEN = """() => {
  globalThis.complaints = [];
  const complain = (...words) => globalThis.complaints.push(words.join(" "));
  console.error = (...words) => complain(...words);
  addEventListener("error", (event) => complain("uncaught:", event.message));
  addEventListener("unhandledrejection", (event) => complain("uncaught:", event.reason));
  addEventListener("securitypolicyviolation", (event) =>
    complain("policy violated:", event.violatedDirective, event.blockedURI, event.sample));
}"""
_COMPLAINTS = """() => {
  const others = performance.getEntriesByType("resource").map(({ name }) => name)
    .filter((name) => !name.startsWith(`${location.origin}/`) && !/^(blob|data):/.test(name));
  return [...(globalThis.complaints ?? []), ...others.map((name) => `request to another host: ${name}`)];
}"""


class WebKitPage:
    """The only tab of a browser. complaints: what went wrong in it, as a `Visitor` hears it elsewhere."""

    def __init__(self, driver: Driver, base_url: str = "") -> None:
        self._base = base_url
        #: Where the browser saves what is downloaded; the tests' own files lie in a folder of that.
        self.downloads = driver.folder
        self._files = driver.folder / "files"
        self._files.mkdir()
        self._complaints: list[str] = []
        self.command = driver.command
        self.mouse, self.keyboard = Mouse(self._perform), Keyboard(self._perform)

    @property
    def complaints(self) -> list[str]:
        """Of all visits so far, from when each page had been loaded."""
        return self._complaints + self.evaluate(_COMPLAINTS)

    def set_viewport_size(self, size: ViewportSize) -> None:
        """Make the window so large that the page in it has this size in CSS pixels."""
        inside = self.evaluate(_SIZE)
        window = self.command("GET", "/window/rect")
        self.command("POST", "/window/rect", **{side: window[side] + size[side] - inside[side] for side in _SIDES})
        until(lambda: self.evaluate(_SIZE) == size, "the window has its size")

    def bring_to_front(self) -> None:
        """Nothing: its window is the only one of its display."""

    def goto(self, path: str) -> None:
        self._load("/url", url=urljoin(self._base, path))

    def reload(self) -> None:
        self._load("/refresh")

    def evaluate(self, script: str, given: Any = None) -> Any:
        """The value of an expression, or what a function returns for what it is given; awaited if it is a promise."""
        answer = self.command("POST", "/execute/async", script=_RUN % script, args=[given])
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def wait_for_function(self, script: str) -> None:
        until(lambda: self.evaluate(script), script)

    def locator(self, selector: str) -> Element:
        return Element(self, selector)

    def find(self, selector: str) -> str:
        """WebDriver's name for an element."""
        return self.command("POST", "/element", using="css selector", value=selector)[_ELEMENT]

    def set_input_files(self, selector: str, files: FilePayload | list[FilePayload] | Path) -> None:
        paths = [files] if isinstance(files, Path) else [self._stored(file) for file in _listed(files)]
        self.command("POST", f"/element/{self.find(selector)}/value", text="\n".join(map(str, paths)))

    @contextmanager
    def expect_download(self) -> Iterator[SimpleNamespace]:
        """Catch the file that the page saves meanwhile; `value` has its `suggested_filename` and `path`."""
        self.evaluate(CATCH)
        download = SimpleNamespace(value=None)
        yield download
        caught = self.evaluate("globalThis.caught")
        path = self._files / "caught"
        path.write_bytes(base64.b64decode(caught["base64"]))
        download.value = SimpleNamespace(suggested_filename=caught["name"], path=lambda: path)

    def take_pictures(self, folder: Path) -> list[Path]:
        """A screenshot."""
        path = folder / "screenshot-webkit.png"
        path.write_bytes(base64.b64decode(self.command("GET", "/screenshot")))
        return [path]

    def _stored(self, file: FilePayload) -> Path:
        path = self._files / file["name"]
        path.write_bytes(file["buffer"])
        return path

    def _load(self, command: str, **parameters: Any) -> None:
        """Leave the document for another. The driver may be content before the programs of that have run."""
        self._complaints = self.complaints
        self.evaluate("globalThis.left = true")
        self.command("POST", command, **parameters)
        self.wait_for_function("() => document.readyState === 'complete' && !('left' in globalThis)")
        self.evaluate(_LISTEN)

    def _perform(self, **source: Any) -> None:
        self.command("POST", "/actions", actions=[source])


class WebKit:
    """Starts a browser for each page, as Playwright's `Browser` opens tabs. version: of the latest."""

    def __init__(self, folder: Path) -> None:
        """folder: for the homes of the browsers."""
        self._folder, self._running = folder, ExitStack()
        self.version = ""

    def new_page(self, viewport: ViewportSize, base_url: str = "") -> WebKitPage:
        driver = self._running.enter_context(Driver(Path(mkdtemp(dir=self._folder))))
        self.version = driver.version
        page = WebKitPage(driver, base_url)
        page.set_viewport_size(viewport)
        return page

    def close(self) -> None:
        self._running.close()


def _listed(files: FilePayload | list[FilePayload]) -> list[FilePayload]:
    return files if isinstance(files, list) else [files]
