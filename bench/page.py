"""Latency of the page from a movement of the pointer to the frame that shows it, for large and small pictures.

python -m bench.page [--browser firefox | webkit]

Needs the browser, as the tests of the page do. Both pictures take turns in one run, so that their ratio holds
on a noisy machine. Without a screen, the browser draws with the processor alone: a desktop is quicker.
"""

import argparse
import os
import statistics
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from bench.processes import Served, served

# The tests start the same browsers.
sys.path.append(str(Path(__file__).parents[1] / "tests"))

SIDES = (512, 4096)
ROUNDS = 4
MOVES = 60
WINDOW = (1280, 800)
# From the event to after the frame: a message that is sent before painting arrives behind it.
WATCH = """() => {
  globalThis.waits = [];
  let awaited = false;
  const { port1, port2 } = new MessageChannel();
  let since = 0;
  port2.onmessage = () => {
    globalThis.waits.push(performance.now() - since);
    awaited = false;
  };
  addEventListener("pointermove", (event) => {
    if (awaited) return;
    awaited = true;
    since = event.timeStamp;
    requestAnimationFrame(() => port1.postMessage(0));
  }, true);
}"""
TAKE = "() => globalThis.waits.splice(0)"


def picture(side: int) -> bytes:
    """A square JPEG with detail of all sizes."""
    rng = np.random.default_rng(0)
    pixels = np.zeros((side, side, 3), np.float32)
    for cells in (8, 32, 128, side):
        noise = rng.uniform(0, 64, (cells, cells, 3)).astype(np.float32)
        pixels += cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", np.clip(pixels, 0, 255).astype(np.uint8))[1].tobytes()


def opened(browser: Browser, server: Served, folder: Path, side: int) -> Page:
    """The page with a picture in it, and some strokes on that."""
    file = folder / f"{side}.jpg"
    file.write_bytes(picture(side))
    page = browser.new_page(viewport={"width": WINDOW[0], "height": WINDOW[1]})
    page.goto(f"http://127.0.0.1:{server.port}/")
    page.set_input_files("#picture-file", file)
    page.wait_for_function("() => !document.getElementById('editor').hidden")
    page.evaluate(WATCH)
    return page


def drag(page: Page, button: str, turn: int) -> list[float]:
    """Move the pointer round the picture's middle with a button held. Milliseconds for each frame that followed."""
    box = page.locator("#stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x + 150, y)
    page.mouse.down(button="left" if button == "left" else "middle")
    page.evaluate(TAKE)
    for step in range(1, MOVES + 1):
        angle = 2 * np.pi * step / MOVES
        page.mouse.move(x + (150 - 9 * turn) * np.cos(angle), y + (150 - 9 * turn) * np.sin(angle))
    waits: list[float] = page.evaluate(TAKE)
    page.mouse.up(button="left" if button == "left" else "middle")
    return waits


def report(what: str, waits: dict[int, list[float]]) -> None:
    """Print median and 95th percentile of each picture, and how the larger compares."""
    middles = {side: statistics.median(times) for side, times in waits.items()}
    for side, times in waits.items():
        late = statistics.quantiles(times, n=20)[-1]
        print(f"{what}, {side}x{side}: median {middles[side]:.0f} ms, p95 {late:.0f} ms, {len(times)} frames")
    print(f"{what}: ratio of the medians {middles[SIDES[-1]] / middles[SIDES[0]]:.2f}")


def start(playwright: Playwright, name: str, folder: Path) -> Browser:
    """Start the browser of that name. folder: for what it needs."""
    from support import browser
    from support.webkit import WebKit

    if name == "webkit":
        return cast(Browser, WebKit(folder))
    program = browser.find_firefox() if name == "firefox" else browser.find_chromium()
    assert program, f"needs {name}"
    if name == "firefox":
        return browser.start_firefox(playwright, program, folder)
    return browser.start_chromium(playwright, program)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--browser", choices=("chromium", "firefox", "webkit"), default="chromium")
    name = parser.parse_args().browser
    with (
        served() as server,
        sync_playwright() as playwright,
        tempfile.TemporaryDirectory() as folder,
        closing(start(playwright, name, Path(folder))) as browser,
    ):
        pages = {side: opened(browser, server, Path(folder), side) for side in SIDES}
        print(f"{name} {browser.version}, {len(os.sched_getaffinity(0))} processors, window {WINDOW[0]}x{WINDOW[1]}")
        for what, button in (("painting", "left"), ("moving what is painted", "middle")):
            waits: dict[int, list[float]] = {side: [] for side in SIDES}
            for turn in range(ROUNDS + 1):
                for side, page in pages.items():
                    page.bring_to_front()
                    frames = drag(page, button, turn)
                    # At first, some browsers compile what they draw with.
                    waits[side] += frames if turn else []
            report(what, waits)


if __name__ == "__main__":
    main()
