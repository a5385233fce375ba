"""Accessibility of the page: keyboard, screen reader, contrast and zoom."""

import io
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from support.barriers import assert_no_barriers
from support.browser import OpenPage, box_of
from support.server import KEY

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SAMPLE = Path(__file__).resolve().parents[2] / "app" / "image_erase" / "web" / "page" / "sample.jpg"
ERASES = "**/erase"
REFUSED = {"status": 429, "json": {"type": "tag:image-erase,2026:other", "detail": "Too much at once. " * 12}}
BOTH = pytest.mark.parametrize("scheme", ["light", "dark"])


def tab_to(page: Page, selector: str, key: str = "Tab") -> None:
    """Press a key until the focus is there."""
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{key} leads nowhere near {selector}")


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.id || document.activeElement.tagName")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def open_sample(page: Page) -> Page:
    """With keys only, as everything here."""
    tab_to(page, "#sample")
    press(page, "Enter")
    expect(page.locator("#stage")).to_be_focused()
    return page


def paint(page: Page) -> None:
    """A short stroke, where the brush is."""
    press(page, "Enter", "ArrowRight", "Enter")


def said(page: Page, text: str) -> None:
    """What screen readers were told last."""
    expect(page.locator("#said")).to_have_text(re.compile(text))


def erase(page: Page) -> None:
    press(page, "Control+Enter")
    said(page, "^Erased in")


def spot(page: Page) -> tuple[int, int]:
    """Where the brush was put down or taken up."""
    found = re.search(r"at (\d+), (\d+)", page.locator("#said").inner_text())
    assert found
    return int(found[1]), int(found[2])


class TestKeyboard:
    def test_from_the_sample_to_the_download(self, open_page: OpenPage, tmp_path: Path) -> None:
        page = open_sample(open_page())
        said(page, "640 . 427 pixels")
        press(page, "b", "]", "Shift+ArrowUp", "Enter")
        said(page, "^Brush down at")
        left = spot(page)
        press(page, "Shift+ArrowRight", "ArrowRight", "Enter")
        said(page, "^Brush up at")
        right = spot(page)
        assert right[0] > left[0] + 10
        assert right[1] == left[1]

        press(page, "Control+Enter")
        expect(page.locator("#key-value")).to_be_focused()
        page.keyboard.type("not a key")
        press(page, "Enter")
        expect(page.locator("#key-error")).not_to_be_empty()
        press(page, "Control+a")
        page.keyboard.type(KEY)
        press(page, "Enter")
        said(page, "^Erased in")
        assert focused(page) == "stage"

        press(page, "v")
        expect(page.locator("#split")).to_be_focused()
        press(page, "Home", "PageUp")
        expect(page.locator("#split")).to_have_attribute("aria-valuetext", "10 percent before")
        press(page, "Escape")
        assert focused(page) == "compare"

        tab_to(page, "#step-back", "Shift+Tab")
        press(page, "Enter")
        said(page, "^Original")
        # There is nothing before the original; what has come to its end hands the focus on.
        assert focused(page) == "step-forward"
        press(page, "Enter")
        said(page, "^Result 1 of 1")
        assert focused(page) == "step-back"

        tab_to(page, "#more", "Shift+Tab")
        press(page, "Enter")
        tab_to(page, "#code")
        press(page, "Enter")
        tab_to(page, "[role=tab]")
        press(page, "ArrowRight")
        expect(page.get_by_role("tab", selected=True)).to_have_text("Python")
        expect(page.get_by_role("tab", selected=True)).to_be_focused()
        press(page, "End", "ArrowRight")
        expect(page.get_by_role("tab", selected=True)).to_have_text("curl")
        press(page, "Escape")
        assert focused(page) == "more"

        tab_to(page, "#download", "Shift+Tab")
        with page.expect_download() as download:
            press(page, "Enter")
        download.value.save_as(tmp_path / "erased.jpg")
        before, after = (np.asarray(Image.open(path), dtype=int) for path in (SAMPLE, tmp_path / "erased.jpg"))
        changed = np.abs(before - after).max(axis=2)
        assert changed[left[1] - 5 : left[1] + 5, left[0] : right[0]].max() > 40
        size = 3 * page.evaluate("Number.parseInt(document.getElementById('size-value').textContent)")
        changed[left[1] - size : left[1] + size, left[0] - size : right[0] + size] = 0
        assert changed.max() == 0

    @pytest.mark.parametrize("tool", ["box", "lasso"])
    def test_areas(self, open_page: OpenPage, tool: str) -> None:
        page = open_sample(open_page())
        tab_to(page, "[name=tool]")
        press(page, *["ArrowRight"] * {"box": 2, "lasso": 3}[tool])
        assert page.locator("[name=tool]:checked").get_attribute("value") == tool
        tab_to(page, "#stage", "Shift+Tab")
        press(page, "Enter", "Shift+ArrowRight", "Shift+ArrowDown", "Enter")
        said(page, f"^{tool.title()} up")
        expect(page.locator("#undo")).to_be_enabled()

    def test_tab_goes_around_and_is_always_seen(self, open_page: OpenPage) -> None:
        page = open_sample(open_page(key=KEY))
        paint(page)
        erase(page)
        seen = """() => {
          const element = document.activeElement;
          if (element === document.body) return null;
          const marked = element.matches("[name=tool]") ? element.parentElement : element;
          const part = element.id === "stage" ? "::after" : null;
          const style = getComputedStyle(marked, part);
          const ring = style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2;
          return [element.id || element.value, ring || Number.parseFloat(style.borderTopWidth) >= 2];
        }"""
        page.evaluate("document.activeElement.blur(), getSelection().removeAllRanges()")
        tab_to(page, ".skip")
        stops: list[Any] = []
        press(page, "Tab")
        while (stop := page.evaluate(seen)) is not None and len(stops) < 60:
            stops.append(stop)
            press(page, "Tab")
        names = [name for name, _ in stops]
        expected = ["open", "download", "more", "stage", "step-back", "before", "another"]
        expected += ["zoom-out", "actual", "zoom-in", "fit", "brush", "size", "undo", "compare", "erase"]
        assert names == expected
        assert [name for name, visible in stops if not visible] == []

    def test_the_skip_link_leads_to_the_picture(self, open_page: OpenPage) -> None:
        page = open_sample(open_page())
        tab_to(page, ".skip", "Shift+Tab")
        expect(page.get_by_role("link", name="Skip to the picture")).to_be_focused()
        press(page, "Enter")
        assert focused(page) == "stage"

    def test_space_presses_buttons(self, open_page: OpenPage) -> None:
        page = open_sample(open_page())
        tab_to(page, "#more", "Shift+Tab")
        press(page, "Space")
        tab_to(page, "#mask-invert")
        press(page, "Space")
        said(page, "inverted")
        assert focused(page) == "more"
        page.keyboard.down("Space")
        expect(page.locator("#stage")).not_to_have_class("hand")

    def test_letters_can_be_switched_off(self, open_page: OpenPage) -> None:
        page = open_sample(open_page())
        press(page, "?")
        expect(page.locator("#help-title")).to_be_focused()
        press(page, "e")
        tab_to(page, "#letters")
        press(page, "Space", "Escape")
        assert focused(page) == "stage"
        press(page, "e")
        expect(page.locator("[value=brush]")).to_be_checked()
        # What is no letter still works.
        page.route(ERASES, lambda route: route.fulfill(**REFUSED))
        press(page, "Control+Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        press(page, "Escape")
        expect(page.get_by_role("alert")).to_be_hidden()

    def test_letters_are_text_in_a_text_field(self, open_page: OpenPage) -> None:
        page = open_sample(open_page())
        tab_to(page, "#more", "Shift+Tab")
        press(page, "Enter")
        tab_to(page, "#key")
        press(page, "Enter", "e", "l", "?")
        expect(page.locator("#key-value")).to_have_value("el?")
        press(page, "Escape")
        assert focused(page) == "more"
        expect(page.locator("[value=brush]")).to_be_checked()


class TestFocusStays:
    def test_when_strokes_are_undone_to_the_first(self, open_page: OpenPage) -> None:
        page = open_sample(open_page())
        paint(page)
        tab_to(page, "#undo")
        press(page, "Enter")
        said(page, "^Undone")
        assert focused(page) == "redo"

    def test_when_erasing_is_cancelled(self, open_page: OpenPage) -> None:
        page = open_sample(open_page(key=KEY))
        paint(page)
        page.route(ERASES, lambda route: None)
        tab_to(page, "#erase")
        press(page, "Enter")
        expect(page.locator("#cancel")).to_be_focused()
        press(page, "Enter")
        said(page, "^Cancelled")
        assert focused(page) == "erase"
        # The mask is still there.
        expect(page.locator("#undo")).to_be_enabled()

    def test_when_a_message_is_closed(self, open_page: OpenPage) -> None:
        page = open_sample(open_page(key=KEY))
        paint(page)
        page.route(ERASES, lambda route: route.fulfill(**REFUSED))
        tab_to(page, "#erase")
        press(page, "Enter")
        expect(page.get_by_role("alert")).to_contain_text("Too much at once.")
        assert focused(page) == "erase"
        tab_to(page, "#alert-close", "Shift+Tab")
        press(page, "Enter")
        assert focused(page) == "erase"

    def test_when_a_stroke_is_left(self, open_page: OpenPage) -> None:
        page = open_sample(open_page())
        press(page, "Enter", "ArrowRight", "Tab")
        said(page, "^Dropped")
        expect(page.locator("#undo")).to_be_disabled()


def test_enter_erases_where_the_mouse_is_used(open_page: OpenPage) -> None:
    page = open_page(key=KEY)
    page.locator("#sample").click()
    stage = page.locator("#stage")
    expect(stage).to_be_focused()
    stage.click()
    expect(page.locator("#undo")).to_be_enabled()
    # No frame around what was only clicked.
    assert stage.evaluate("(stage) => getComputedStyle(stage, '::after').content") == "none"
    press(page, "Enter")
    said(page, "^Erased in")
    press(page, "ArrowRight", "Enter")
    said(page, "^Brush down at")
    assert stage.evaluate("(stage) => getComputedStyle(stage, '::after').borderTopWidth") == "3px"


def test_before_is_shown_by_a_click_that_comes_alone(open_page: OpenPage) -> None:
    page = open_sample(open_page(key=KEY))
    paint(page)
    erase(page)
    before = page.locator("#before")
    for pressed in ("true", "false"):
        before.evaluate("(button) => button.click()")
        expect(before).to_have_attribute("aria-pressed", pressed)
    tab_to(page, "#before")
    page.keyboard.down("Space")
    expect(before).to_have_attribute("aria-pressed", "true")
    page.keyboard.up("Space")
    expect(before).to_have_attribute("aria-pressed", "false")


#: A window in light colours, and a phone in dark ones.
STATES: tuple[tuple[tuple[int, int], Literal["light", "dark"]], ...] = (
    ((1280, 800), "light"),
    ((320, 640), "dark"),
)


class TestBarriers:
    """What axe-core finds in every state of the page: in a window in light colours, on a phone in dark ones."""

    def check(self, page: Page, state: str) -> None:
        for (width, height), scheme in STATES:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)
            assert_no_barriers(page, f"{state}, {scheme}")

    def test_from_the_welcome_to_a_message(self, open_page: OpenPage) -> None:
        page = open_page(key=KEY)
        self.check(page, "welcome")
        open_sample(page)
        paint(page)
        self.check(page, "painted")
        page.locator("#more").click()
        self.check(page, "menu")
        press(page, "Escape")
        page.route(ERASES, lambda route: None)
        press(page, "Control+Enter")
        expect(page.locator("#progress")).to_be_visible()
        self.check(page, "working")
        press(page, "Escape")
        said(page, "^Cancelled")
        page.unroute(ERASES)
        page.route(ERASES, lambda route: route.fulfill(**REFUSED))
        press(page, "Control+Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        self.check(page, "message")

    def test_of_results(self, open_page: OpenPage) -> None:
        page = open_sample(open_page(key=KEY))
        paint(page)
        erase(page)
        press(page, "v")
        expect(page.locator("#split")).to_be_focused()
        self.check(page, "compare")

    def test_in_dialogs(self, open_page: OpenPage) -> None:
        page = open_sample(open_page())
        paint(page)
        for name in ("help", "code", "key", "replace"):
            page.evaluate("(name) => document.getElementById(`${name}-dialog`).showModal()", name)
            if name == "code":
                press(page, "Escape")
                page.locator("#more").click()
                page.locator("#code").click()
            expect(page.locator(f"#{name}-dialog")).to_be_visible()
            self.check(page, name)
            press(page, "Escape")


CONTRAST = """([over, under]) => {
  const luminance = (name) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(--${name})`;
    const [r, g, b] = getComputedStyle(probe).color.match(/[0-9.]+/g).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    probe.remove();
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const [one, other] = [luminance(over), luminance(under)];
  return Math.max(one, other) / Math.min(one, other);
}"""


@BOTH
def test_rings_and_words_stand_out(open_page: OpenPage, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    for over, least in (("accent", 3), ("text", 7), ("faint", 4.5), ("bad", 4.5)):
        for under in ("ground", "surface"):
            assert page.evaluate(CONTRAST, [over, under]) >= least, (over, under)
    assert page.evaluate(CONTRAST, ["on-accent", "accent"]) >= 4.5


def test_the_mask_is_seen_on_a_picture_of_its_own_colour(open_page: OpenPage) -> None:
    page = open_page()
    pink = io.BytesIO()
    Image.new("RGB", (600, 400), "#ff1fd1").save(pink, "PNG")
    page.locator("#picture-file").set_input_files({"name": "p.png", "mimeType": "image/png", "buffer": pink.getvalue()})
    expect(page.locator("#stage")).to_be_focused()
    stage = page.locator("#stage")
    page.evaluate("document.getElementById('said').textContent = ''")
    box = box_of(stage)
    x, y = (box["width"] / 2, box["height"] / 2)
    stage.hover(position={"x": x - 100, "y": y})
    page.mouse.down()
    page.mouse.move(box["x"] + x + 100, box["y"] + y, steps=4)
    page.mouse.up()
    page.mouse.move(2, 2)
    expect(page.locator("#undo")).to_be_enabled()
    shot = np.asarray(Image.open(io.BytesIO(stage.screenshot())).convert("L"), dtype=int)
    column = shot[int(y) - 60 : int(y) + 60, int(x)]
    assert column.max() - column.min() > 60
