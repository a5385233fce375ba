"""The cost of erasing in the page on a slow line: bytes and seconds of the first three erasings of a photograph.

python -m bench.parts [--ways WAY ...]

The photograph has 12 megapixels, each erasing marks 3.5 % of it, and the line has 0.75 Mbit/s in each direction. The
same page is used in three ways: with whole results, as before `answer=part`; with parts; and with parts and the
photograph sent while one paints for 15 s. Needs Chromium, as the tests of the page do.
"""

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from bench.page import start
from bench.processes import Served, served

WIDTH, HEIGHT = 4000, 3000
BITS_PER_SECOND = 750_000
LATENCY_MS = 40
SHARE = 0.035
WAYS = ("whole", "parts", "ahead")
# From the first stroke to the button.
PAINTING_MS = 15_000
# What the page's switch keeps.
NOT_AHEAD = "localStorage.setItem('image-erase-ahead', 'off')"
# The middles of what is erased, as shares of width and height.
PLACES = ((0.3, 0.3), (0.65, 0.4), (0.4, 0.7))
MINUTES_MS = 300_000
SHOWN = "(step) => document.getElementById('step-value').textContent === step"
# Adds up the fields of what is sent; the browser itself does not tell the size of files in forms.
WEIGH = """() => {
  const { send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function (body) {
    if (body) globalThis.sent = [...body.values()].reduce((sum, value) => sum + (value.size ?? value.length), 0);
    return send.call(this, body);
  };
}"""
# Lets the page ask for whole results.
WHOLE = """() => {
  const { append } = FormData.prototype;
  FormData.prototype.append = function (name, ...value) {
    if (name !== "answer") append.call(this, name, ...value);
  };
}"""


def photograph() -> bytes:
    """A JPEG with detail of many sizes and the grain of a phone's sensor."""
    rng = np.random.default_rng(0)
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for cells in (8, 32, 128, 512):
        noise = rng.uniform(0, 60, (cells, cells, 3)).astype(np.float32)
        pixels += cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    pixels += rng.normal(0, 4, (HEIGHT, WIDTH, 1)).astype(np.float32)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92]
    return cv2.imencode(".jpg", np.clip(pixels, 0, 255).astype(np.uint8), quality)[1].tobytes()


def opened(browser: Browser, server: Served, file: Path, way: str) -> Page:
    """The page with the photograph, on a slow line from now on."""
    page = browser.new_page()
    page.set_default_timeout(MINUTES_MS)
    if way != "ahead":
        page.add_init_script(NOT_AHEAD)
    page.goto(f"http://127.0.0.1:{server.port}/#key={server.key}")
    page.set_input_files("#picture-file", file)
    page.wait_for_selector("#editor:not([hidden])")
    page.evaluate(WEIGH)
    if way == "whole":
        page.evaluate(WHOLE)
    page.locator("label:has(input[value=box])").click()
    page.wait_for_load_state("networkidle")
    line = page.context.new_cdp_session(page)
    rate = BITS_PER_SECOND / 8
    line.send("Network.enable")
    conditions = {"offline": False, "latency": LATENCY_MS, "downloadThroughput": rate, "uploadThroughput": rate}
    line.send("Network.emulateNetworkConditions", conditions)
    return page


def erased(page: Page, number: int, painting_ms: int) -> tuple[int, int, float]:
    """Mark something and erase it. Bytes of the bodies of the erasing up and down, and seconds from the button to the
    result. painting_ms: how long one goes on painting.
    """
    box = page.locator("#stage").bounding_box()
    assert box is not None
    scale = min((box["width"] - 24) / WIDTH, (box["height"] - 24) / HEIGHT)
    width, height = (side * SHARE**0.5 * scale for side in (WIDTH, HEIGHT))
    x = box["x"] + box["width"] / 2 + (PLACES[number - 1][0] - 0.5) * WIDTH * scale
    y = box["y"] + box["height"] / 2 + (PLACES[number - 1][1] - 0.5) * HEIGHT * scale
    page.mouse.move(x - width / 2, y - height / 2)
    page.mouse.down()
    page.mouse.move(x + width / 2, y + height / 2, steps=3)
    page.mouse.up()
    page.wait_for_timeout(painting_ms)
    started = time.monotonic()
    with page.expect_request("**/erase") as sent:
        page.locator("#erase").click()
    page.wait_for_function(SHOWN, arg=f"Result {number} of {number}")
    seconds = time.monotonic() - started
    up: int = page.evaluate("sent")
    return up, sent.value.sizes()["responseBodySize"], seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    ways = parser.parse_args().ways
    with served() as server, sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "photograph.jpg"
        file.write_bytes(photograph())
        print(f"photograph: {WIDTH}x{HEIGHT}, {file.stat().st_size:,} bytes; {BITS_PER_SECOND / 1e6} Mbit/s")
        browser = start(playwright, "chromium", Path(folder))
        for way in ways:
            page = opened(browser, server, file, way)
            for number in range(1, len(PLACES) + 1):
                up, down, seconds = erased(page, number, PAINTING_MS if way == "ahead" and number == 1 else 0)
                line = (up + down) * 8 / BITS_PER_SECOND
                print(f"{way}, {number}: {up:,} bytes up, {down:,} down, {line:.1f} s of line; {seconds:.1f} s to wait")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
