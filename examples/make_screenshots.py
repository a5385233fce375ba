"""Make page-*.webp: the page with its sample, painted on, erased and compared, in a Chromium of this machine."""

import io
import os
import shutil
from pathlib import Path

from make_result import EXAMPLES, running_server
from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WIDE: ViewportSize = {"width": 1240, "height": 740}
NARROW: ViewportSize = {"width": 370, "height": 740}
PICTURE = (640, 427)
#: Around the picture on the page, in CSS pixels.
MARGIN = 12
#: Waits until what has been drawn is seen.
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))"
#: The place of the slider for the size, and a stroke in the picture's pixels: two masts, and the towers below them.
STROKES = (
    (45, [(201, 121), (201, 195)]),
    (51, [(197, 194), (176, 362), (180, 372), (196, 362), (201, 330), (198, 200), (188, 330)]),
    (45, [(447, 121), (447, 195)]),
    (51, [(448, 194), (447, 330), (451, 394), (473, 393), (468, 330), (455, 205), (458, 360)]),
)


def main() -> None:
    """Start a server and use its page as a person would."""
    with running_server() as (base, key):
        visit(base, key)


def visit(base: str, key: str) -> None:
    """Take the pictures."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=os.geteuid() != 0)
        page = browser.new_page(viewport=WIDE, color_scheme="light", reduced_motion="reduce")
        page.goto(base)
        page.click("#sample")
        expect(page.locator("#stage")).to_be_focused()
        for size, points in STROKES:
            paint(page, size, points)
        take(page, "paint")
        erase(page, key)
        page.emulate_media(color_scheme="dark")
        page.click("#compare")
        # The left tower is still there, the right one has gone.
        page.locator("#split").fill("520")
        take(page, "compare")
        page.click("#compare")
        page.set_viewport_size(NARROW)
        take(page, "phone")
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light")
        page.click("#more")
        page.locator("#language").select_option("ar")
        take(page, "rtl")
        browser.close()


def paint(page: Page, size: int, points: list[tuple[int, int]]) -> None:
    """Draw a stroke with the mouse, and take the mouse away."""
    page.locator("#size").fill(str(size))
    box = page.locator("#stage").bounding_box()
    assert box
    scale = min((box["width"] - 2 * MARGIN) / PICTURE[0], (box["height"] - 2 * MARGIN) / PICTURE[1])
    left, top = box["x"] + (box["width"] - PICTURE[0] * scale) / 2, box["y"] + (box["height"] - PICTURE[1] * scale) / 2
    places = [(left + x * scale, top + y * scale) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()


def erase(page: Page, key: str) -> None:
    """Erase, and give the key when the page asks for it."""
    page.click("#erase")
    page.fill("#key-value", key)
    page.click("#key-save")
    expect(page.locator("#step-value")).to_have_text("Result 1 of 1", timeout=60_000)


def take(page: Page, name: str) -> None:
    """Take a picture without the mouse and the passing news."""
    page.mouse.move(1, 1)
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("#status")).to_be_hidden(timeout=10_000)
    page.evaluate(DRAWN)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.save(Path(EXAMPLES, f"page-{name}.webp"), quality=80, method=6)


if __name__ == "__main__":
    main()
