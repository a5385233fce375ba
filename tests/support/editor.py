"""A user of the page, who opens pictures, paints and erases; coordinates are pixels of the picture."""

import base64
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import FilePayload, Page

from support.catching import SAVE
from support.expecting import expect
from support.pictures import file_of

Point = tuple[float, float]
Mask = NDArray[np.bool_]
CHART = (240, 160)
#: A document of the same origin without a program.
NOTHING = "/page/icon.svg"
#: What the page leaves free around a picture that fits.
MARGIN = 12
TYPES = {"jpg": "image/jpeg", "png": "image/png", "bmp": "image/bmp", "webp": "image/webp", "gif": "image/gif"}
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
ROW = """([vertical, at]) => {
  const { width, height } = document.getElementById("picture");
  const context = document.getElementById("picture").getContext("2d");
  const area = vertical ? [Math.floor(at * width), 0, 1, height] : [0, Math.floor(at * height), width, 1];
  return String.fromCharCode(...context.getImageData(...area).data);
}"""
# Pixels of a canvas where places of the window are, once what was asked for last is drawn.
PIXELS = f"""async ([id, places]) => {{
  await {DRAWN};
  const canvas = document.getElementById(id);
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  const context = canvas.getContext("2d");
  return places.map(([x, y]) => [...context.getImageData((x - box.left) * scale, (y - box.top) * scale, 1, 1).data]);
}}"""
# Records the size of every request body.
WEIGH = """() => {
  globalThis.sent = [];
  const { send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function (body) {
    if (body) globalThis.sent.push([...body.values()].reduce((sum, value) => sum + (value.size ?? value.length), 0));
    return send.call(this, body);
  };
}"""
# Deletes what the page stored. A page that is open closes its connection for that, and opens no other.
FORGET = """() => new Promise((done) => {
  indexedDB.deleteDatabase("image-erase").onsuccess = () => {
    sessionStorage.removeItem("image-erase-session");
    done();
  };
})"""


def chart(size: tuple[int, int] = CHART) -> Image.Image:
    """Return a picture whose red grows from left to right and green from top to bottom; blue is noise."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    noise = np.random.default_rng(3).integers(0, 256, (size[1], size[0]))
    return Image.fromarray(np.stack([x, y, noise], axis=2).astype(np.uint8))


CHART_FILE = file_of(chart())


def payload(data: bytes, name: str) -> FilePayload:
    """Return a file as Playwright takes it."""
    return {"name": name, "mimeType": TYPES.get(name.rpartition(".")[2], "application/octet-stream"), "buffer": data}


def distances(points: Sequence[Point], size: tuple[int, int] = CHART) -> NDArray[np.float64]:
    """Return the distance of each pixel's centre from a line through the points: HxW."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]] + 0.5
    nearest = np.full(x.shape, np.inf)
    for (x0, y0), (x1, y1) in zip(points, points[1:] or points, strict=False):
        length = (x1 - x0) ** 2 + (y1 - y0) ** 2
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0, 1) if length else 0
        nearest = np.minimum(nearest, np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)))
    return nearest


def assert_stroke(mask: Mask, points: Sequence[Point], brush: float, slack: float = 1.0) -> None:
    """Assert that the mask is a stroke of a brush of that diameter through the points, except pixels of its rim."""
    away = distances(points, (mask.shape[1], mask.shape[0]))
    assert mask[away < brush / 2 - slack].all()
    assert not mask[away > brush / 2 + slack].any()
    assert mask.any()


def forget(page: Page) -> None:
    """Delete the storage of a page and load it again, as in a first visit."""
    page.evaluate(FORGET)
    page.goto("/")


class Editor:
    """The page with a picture. Points are in pixels of the picture; `look` measures where they are shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.size = CHART
        #: Scale and offset of the picture in the window, in CSS pixels.
        self.view = (1.0, 0.0, 0.0)

    # Files

    def open(self, data: bytes = CHART_FILE, name: str = "photo.png") -> None:
        """Open a picture and wait until it is there."""
        # It stays where a picture is closed or replaced, and would be taken for that of a new one of the same size.
        self["stage"].evaluate("(stage) => stage.removeAttribute('aria-label')")
        self.page.set_input_files("#picture-file", payload(data, name))
        with Image.open(io.BytesIO(data)) as image:
            turned = image.getexif().get(0x0112, 1) > 4
            self.await_picture(image.size[::-1] if turned else image.size)

    def await_picture(self, size: tuple[int, int]) -> None:
        """Wait until a picture of that size is shown, fitted to the window."""
        expect(self["stage"]).to_have_attribute("aria-label", re.compile(rf"\b{size[0]}\D+{size[1]}\b"), timeout=30_000)
        self.size = size
        self.drawn()
        self.view = self.fitted()

    def download(self, button: str = "download") -> tuple[str, bytes]:
        """Press a button; the name and the bytes of the file that it saves, from the browser's downloads.

        Chromium drops those that are more than ten in a second.
        """
        with self.page.expect_download() as started:
            self.press(button)
        return started.value.suggested_filename, Path(started.value.path()).read_bytes()

    def saved(self, button: str = "download") -> tuple[str, bytes]:
        """The same, but caught in the page: it takes a tenth of the time, and the mouse stays where it is."""
        expect(self[button]).to_be_enabled()
        caught = self.page.evaluate(SAVE, button)
        return caught["name"], base64.b64decode(caught["base64"])

    def mask(self) -> Mask:
        """What is painted, as the page saves it."""
        with Image.open(io.BytesIO(self.saved("mask-save")[1])) as image:
            assert image.size == self.size
            return np.array(image.convert("L")) >= 128

    def press(self, button: str) -> None:
        """Press a button, in the menu if it is there."""
        if not self[button].is_visible():
            self["more"].click()
        self[button].click()

    def start_anew(self) -> None:
        """Close the picture, which would be lost, and wait until it is gone: the next may be as large."""
        self.press("anew")
        self["replace-yes"].click()
        expect(self["welcome"]).to_be_visible()

    # What is seen

    def __getitem__(self, name: str) -> Any:
        return self.page.locator(f"#{name}")

    def drawn(self) -> None:
        """Wait until what was asked for last is drawn."""
        self.page.evaluate(DRAWN)

    def fitted(self) -> tuple[float, float, float]:
        """The view in which the picture fits the stage."""
        box = self["stage"].bounding_box()
        width, height = self.size
        scale = min((box["width"] - 2 * MARGIN) / width, (box["height"] - 2 * MARGIN) / height, 32)
        return (
            scale,
            box["x"] + (box["width"] - width * scale) / 2,
            box["y"] + (box["height"] - height * scale) / 2,
        )

    def look(self) -> tuple[float, float, float]:
        """Find out by the colours of the chart, the canvas's own, where it lies."""
        self.drawn()
        box = self["stage"].bounding_box()
        (scale, x), (_, y) = self._line(False, box["width"]), self._line(True, box["height"])
        self.view = (scale, box["x"] + x, box["y"] + y)
        return self.view

    def _line(self, vertical: bool, length: float) -> tuple[float, float]:
        """Scale and offset along one side of the stage."""
        for at in (0.5, 0.3, 0.7, 0.1, 0.9):
            # As text, which Playwright hands over in a tenth of the time that numbers take.
            row = np.frombuffer(self.page.evaluate(ROW, [vertical, at]).encode("latin-1"), np.uint8).reshape(-1, 4)
            where = (np.arange(len(row)) + 0.5) * length / len(row)
            # At the rim, a line between pixels is mixed with nothing.
            inside = np.flatnonzero(row[:, 3] == 255)[3:-3]
            if len(inside) > 10:
                scale, offset = np.polyfit(row[inside, int(vertical)] + 0.5, where[inside], 1)
                return float(scale), float(offset)
        raise AssertionError("the picture is not seen")

    def colour(self, point: Point, canvas: str = "picture") -> tuple[int, ...]:
        """RGBA of a canvas where the point of the picture is seen."""
        return self.colour_at(*self.at(point), canvas)

    def colours(self, points: Sequence[Point], canvas: str = "picture") -> list[tuple[int, ...]]:
        """The same of several points."""
        seen = self.page.evaluate(PIXELS, [canvas, [list(self.at(point)) for point in points]])
        return [tuple(colour) for colour in seen]

    def colour_at(self, x: float, y: float, canvas: str = "picture") -> tuple[int, ...]:
        """RGBA of a canvas at a place of the window."""
        return tuple(self.page.evaluate(PIXELS, [canvas, [[x, y]]])[0])

    def at(self, point: Point) -> Point:
        """Where in the window the point of the picture is."""
        scale, x, y = self.view
        return x + point[0] * scale, y + point[1] * scale

    # Painting

    @property
    def brush(self) -> int:
        """Its diameter in pixels of the picture."""
        return int(self["size-value"].text_content().split()[0])

    def choose(self, tool: str) -> None:
        self.page.locator(f"label:has(input[value={tool}])").click()

    def draw(self, *points: Point, button: Any = "left", keys: str = "") -> None:
        """Press the button at the first of the points, move through them all, and let it go."""
        self.draw_at(*map(self.at, points), button=button, keys=keys)

    def draw_at(self, *places: Point, button: Any = "left", keys: str = "") -> None:
        """The same in places of the window."""
        mouse = self.page.mouse
        if keys:
            self.page.keyboard.down(keys)
        mouse.move(*places[0])
        mouse.down(button=button)
        for place in places[1:]:
            mouse.move(*place, steps=2)
        mouse.up(button=button)
        if keys:
            self.page.keyboard.up(keys)

    # Erasing

    def erase(self, result: str = "Result 1 of 1") -> None:
        """Press the button and wait for the result."""
        self["erase"].click()
        self.expect_step(result)

    def expect_step(self, text: str) -> None:
        expect(self["step-value"]).to_have_text(text, timeout=30_000)
        expect(self["progress"]).to_be_hidden()

    def expect_alert(self, text: Any) -> None:
        expect(self["alert"]).to_be_visible()
        expect(self["alert-text"]).to_have_text(text)

    def expect_said_by_server(self, text: str) -> None:
        """Open what the alert keeps one click away, the server's own words."""
        self.page.locator("#alert-more summary").click()
        expect(self["alert-detail"]).to_be_visible()
        expect(self["alert-detail"]).to_contain_text(text)
