"""The page on windows of every size, in light and dark, at rest and under a finger."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from support.browser import OpenPage, box_of
from support.server import KEY

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "app" / "image_erase" / "web" / "page" / "sample.jpg"
SIZES = [(320, 568), (320, 256), (640, 320), (768, 1024), (1280, 800), (1920, 1080)]
SMALLEST_TARGET = 24
# Where things move, as most people see the page.
MOVING = {"reduced_motion": "no-preference"}
BUTTONS = "button:visible, .tools label:visible, input[type=range]:visible"
# A share sheet that is closed the second time.
SHARE = """
globalThis.shared = [];
navigator.canShare = ({ files }) => files.every((file) => file instanceof File);
navigator.share = async ({ files: [file] }) => {
  if (shared.push([file.name, file.type]) > 1) throw new DOMException("closed", "AbortError");
};
"""


def open_sample(page: Page) -> Page:
    page.locator("#sample").click()
    expect(page.locator("#stage")).to_be_focused()
    return page


def paint(page: Page) -> None:
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#undo")).to_be_enabled()


def resize(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})


def check_fit(page: Page, size: tuple[int, int]) -> None:
    """Nothing is wider than the window, no control too small or on top of another."""
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    boxes = page.evaluate(
        """(selector) => [...document.querySelectorAll(selector.replaceAll(":visible", ""))]
          .filter((each) => each.checkVisibility() && !each.closest("dialog, [popover]"))
          .map((each) => [each.id || each.textContent, each.getBoundingClientRect().toJSON()])""",
        BUTTONS,
    )
    assert boxes
    for name, box in boxes:
        assert box["left"] >= 0, name
        assert box["right"] <= size[0] + 0.5, name
        assert min(box["width"], box["height"]) >= SMALLEST_TARGET, name
    apart = [(name, box) for name, box in boxes if name != "split"]
    for index, (name, box) in enumerate(apart):
        for other, second in apart[index + 1 :]:
            beside = box["right"] <= second["left"] + 0.5 or second["right"] <= box["left"] + 0.5
            above = box["bottom"] <= second["top"] + 0.5 or second["bottom"] <= box["top"] + 0.5
            assert beside or above, (name, other)


def test_fits_every_window(open_page: OpenPage) -> None:
    page = open_page(key=KEY)
    for size in SIZES:
        resize(page, *size)
        check_fit(page, size)
    open_sample(page)
    paint(page)
    # The news are over, and nothing of the stage with them.
    page.evaluate("document.getElementById('status').textContent = ''")
    for size in SIZES:
        resize(page, *size)
        check_fit(page, size)
        stage, around = (box_of(page.locator(name)) for name in ("#stage", ".around"))
        assert stage == around
        assert stage["height"] >= 220
        assert stage["width"] >= 280
    page.keyboard.press("Control+Enter")
    expect(page.locator("#said")).to_contain_text("Erased in")
    page.keyboard.press("v")
    for size in SIZES:
        resize(page, *size)
        check_fit(page, size)
    # With several pictures, those that have no result yet too.
    page.set_input_files("#picture-file", [SAMPLE] * 2)
    page.locator("#replace-add").click()
    expect(page.locator("#photo-value")).to_have_text("2 / 3")
    page.keyboard.press("PageUp")
    expect(page.locator("#results")).to_be_visible()
    page.evaluate("document.getElementById('status').textContent = ''")
    for size in SIZES:
        resize(page, *size)
        check_fit(page, size)


def test_the_picture_has_most_of_the_window(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1280, "height": 800})
    stage = box_of(open_sample(page).locator("#stage"))
    assert stage["width"] * stage["height"] > 0.7 * 1280 * 800


def test_the_picture_has_most_of_a_phone(open_page: OpenPage) -> None:
    """From the first stroke to the result, and whatever is said: nothing moves it."""
    size = {"width": 390, "height": 844}
    page = open_page(key=KEY, viewport=size, has_touch=True, is_mobile=True, **MOVING)
    before = box_of(open_sample(page).locator("#stage"))
    assert before["height"] >= 0.7 * size["height"]
    assert before["width"] == size["width"]
    paint(page)
    page.route("**/erase", lambda route: route.fulfill(status=429, json={"detail": "No."}), times=1)
    page.locator("#erase").tap()
    expect(page.get_by_role("alert")).to_be_visible()
    assert box_of(page.locator("#stage")) == before
    page.locator("#alert-action").tap()
    expect(page.locator("#said")).to_contain_text("Erased in")
    expect(page.locator("#download")).to_have_class("primary")
    assert box_of(page.locator("#stage")) == before


@pytest.mark.parametrize("size", [(320, 568), (1280, 800)])
def test_text_twice_as_large(open_page: OpenPage, size: tuple[int, int]) -> None:
    page = open_page(viewport={"width": size[0], "height": size[1]})
    open_sample(page)
    # As a browser does it that is set to large text; a session of the tools can't change the setting itself.
    page.evaluate("document.documentElement.style.fontSize = '187.5%'")
    check_fit(page, size)
    clipped = page.evaluate("""[...document.querySelectorAll("button, .tools label, output, #step-value")]
      .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 1)
      .map((each) => each.id || each.textContent)""")
    assert clipped == []


def test_long_messages_hide_nothing(open_page: OpenPage) -> None:
    page = open_page(key=KEY)
    open_sample(page)
    paint(page)
    message = "A message of the server with a word that does not end " + "x" * 300
    answer = {"type": "tag:image-erase,2026:other", "detail": message}
    page.route("**/erase", lambda route: route.fulfill(status=429, json=answer))
    page.locator("#erase").click()
    expect(page.get_by_role("alert")).to_contain_text("does not end")
    for size in SIZES:
        resize(page, *size)
        check_fit(page, size)


def test_the_menu_fits(open_page: OpenPage) -> None:
    page = open_sample(open_page())
    page.locator("#more").click()
    menu = page.locator("#menu")
    for size in SIZES:
        resize(page, *size)
        box = box_of(menu)
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["y"] + box["height"] <= size[1]
        assert menu.evaluate("(menu) => menu.scrollWidth <= menu.clientWidth")


@pytest.mark.parametrize("name", ["help", "code", "key"])
def test_dialogs_fit(open_page: OpenPage, name: str) -> None:
    page = open_page()
    open_sample(page)
    page.locator("#more").click()
    page.locator(f"#{name}").click()
    dialog = page.locator(f"#{name}-dialog")
    # One comes with a module that is loaded late.
    expect(dialog).to_be_visible()
    for size in SIZES:
        resize(page, *size)
        box = box_of(dialog)
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["y"] + box["height"] <= size[1]
        assert dialog.evaluate("(dialog) => dialog.scrollWidth <= dialog.clientWidth")
    # In an ordinary window there is nothing to scroll.
    resize(page, 1280, 800)
    assert dialog.evaluate("(dialog) => dialog.scrollHeight <= dialog.clientHeight + 1")


def test_a_finger_erases_on_a_phone_with_four_taps(open_page: OpenPage) -> None:
    """Open, paint, erase, download."""
    size = {"width": 320, "height": 568}
    page = open_page(key=KEY, viewport=size, has_touch=True, is_mobile=True, locale="de", **MOVING)
    page.context.add_init_script(SHARE)
    page.reload()
    page.locator("#sample").tap()
    expect(page.locator("#stage")).to_be_focused()
    box = box_of(page.locator("#stage"))
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#undo")).to_be_enabled()
    page.locator("#erase").tap()
    expect(page.locator("#step-value")).to_have_text("Ergebnis 1 von 1")
    with page.expect_download() as started:
        page.locator("#download").tap()
    assert started.value.suggested_filename == "sample-erased.jpg"
    check_fit(page, (320, 568))
    # Or hand it to another app; the sheet may be closed again, which is no failure.
    for count in (1, 2):
        page.locator("#share").tap()
        page.wait_for_function("(count) => shared.length === count", arg=count)
    assert page.evaluate("shared") == [["sample-erased.jpg", "image/jpeg"]] * 2
    expect(page.get_by_role("alert")).to_be_hidden()


def test_follows_the_colours_of_the_system(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    colours = "['body', 'header', '#choose'].map((name) => getComputedStyle(document.querySelector(name)))"
    read = f"{colours}.map((style) => style.backgroundColor + style.color)"
    light = page.evaluate(read)
    page.emulate_media(color_scheme="dark")
    assert all(one != other for one, other in zip(light, page.evaluate(read), strict=True))


def test_moves_nothing_where_motion_is_unwanted(open_page: OpenPage) -> None:
    page = open_page(**MOVING)
    moves = """() => [...document.querySelectorAll("*")].map((each) => getComputedStyle(each))
      .filter((style) => Number.parseFloat(style.transitionDuration) || style.animationName !== "none").length"""
    assert page.evaluate(moves) > 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moves) == 0


def test_stays_usable_in_forced_colours(open_page: OpenPage) -> None:
    page = open_page(forced_colors="active")
    open_sample(page)
    border = "(name) => getComputedStyle(document.querySelector(`[value=${name}]`).parentElement).borderTopWidth"
    assert page.evaluate(border, "brush") != page.evaluate(border, "eraser")
    paint(page)


def test_the_sample_is_the_photograph_of_the_examples() -> None:
    assert SAMPLE.read_bytes() == (ROOT / "examples" / "photo.jpg").read_bytes()
