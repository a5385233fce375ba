"""The main tasks of the page, for every browser. The details are tested in Chromium."""

import base64
import io
import re
import zipfile
from typing import Any

import numpy as np

from support.editor import CHART, CHART_FILE, Editor, assert_stroke, payload
from support.expecting import expect
from support.pictures import boxed, changed, pixels_of
from support.server import KEY

FIRST, SECOND, THIRD = (40, 30, 90, 70), (130, 60, 190, 110), (30, 100, 80, 140)
# A dropped file: Firefox accepts no files in clipboard events that are created by scripts.
HAND_OVER = """([event, base64, name]) => {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const given = new DataTransfer();
  given.items.add(new File([bytes], name, { type: "image/png" }));
  const member = event === "paste" ? "clipboardData" : "dataTransfer";
  const made = Object.defineProperty(new Event(event, { bubbles: true }), member, { value: given });
  document.body.dispatchEvent(made);
}"""

# Holds back everything that is sent until `letGo` is called.
HOLD = """() => {
  const { send } = XMLHttpRequest.prototype;
  const held = [];
  globalThis.held = held;
  XMLHttpRequest.prototype.send = function (...given) { held.push(() => send.apply(this, given)); };
  globalThis.letGo = () => {
    XMLHttpRequest.prototype.send = send;
    for (const go of held) go();
  };
}"""
# Lets the request of the next mask fail.
LOSE_MASK = """() => {
  const { send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function (body) {
    if (body?.has("mask")) XMLHttpRequest.prototype.send = send;
    body?.delete("mask");
    return send.call(this, body);
  };
}"""


def hole(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    none = np.zeros(CHART[::-1], bool)
    return np.logical_or.reduce([none, *(np.asarray(boxed(CHART, box)) > 0 for box in boxes)])


def plain(name: str) -> str:
    """The name of a download without the number that Firefox gives to those of the same name."""
    return re.sub(r"\(\d+\)(?=\.)", "", name)


def paint(editor: Editor, *boxes: tuple[int, int, int, int]) -> None:
    editor.choose("box")
    for box in boxes:
        editor.draw(box[:2], box[2:])


def hand_over(editor: Editor, event: str, name: str) -> None:
    editor.page.evaluate(HAND_OVER, [event, base64.b64encode(CHART_FILE).decode(), name])


def from_a_picture_to_its_result(editor: Editor) -> None:
    """Dropped, painted on with each tool, erased, compared, taken back, downloaded."""
    hand_over(editor, "dragenter", "dropped.png")
    expect(editor["drop"]).to_be_visible()
    hand_over(editor, "drop", "dropped.png")
    expect(editor["drop"]).to_be_hidden()
    editor.await_picture(CHART)

    line = (50, 40), (120, 40)
    editor.draw(*line)
    stroke = editor.mask()
    assert_stroke(stroke, line, editor.brush)
    editor.choose("eraser")
    editor.draw((120, 20), (120, 60))
    assert editor.mask().sum() < stroke.sum()
    editor.page.keyboard.press("Control+z")
    np.testing.assert_array_equal(editor.mask(), stroke)
    editor.page.keyboard.press("Control+z")
    paint(editor, FIRST)
    editor.choose("lasso")
    editor.draw(SECOND[:2], (SECOND[2], SECOND[1]), SECOND[2:], (SECOND[0], SECOND[3]), SECOND[:2])
    painted = hole(FIRST, SECOND)
    editor.page.keyboard.press("Enter")
    editor.expect_step("Result 1 of 1")
    name, result = editor.download()
    assert plain(name) == "dropped-erased.png"
    difference = changed(CHART_FILE, result)
    assert difference[painted].mean() > 0.95
    assert not difference[~painted].any()
    editor["compare"].click()
    for value, shown in (("1000", CHART_FILE), ("0", result)):
        editor["split"].fill(value)
        assert editor.colour((65.5, 50.5))[:3] == tuple(pixels_of(shown)[50, 65])
    editor.page.keyboard.press("Escape")
    editor["undo"].click()
    editor.expect_step("Original")
    np.testing.assert_array_equal(editor.mask(), painted)
    editor.page.keyboard.press("Control+Shift+z")
    editor.expect_step("Result 1 of 1")

    hand_over(editor, "paste", "pasted.png")
    editor.await_picture(CHART)
    name, data = editor.download()
    assert (plain(name), data) == ("pasted.png", CHART_FILE)


def what_is_painted_meanwhile(editor: Editor) -> bytes:
    """For the next erasing, while the server works. Returns the second result, on which nothing is painted then."""
    page = editor.page
    editor.open(name="kept.png")
    paint(editor, FIRST)
    page.evaluate(HOLD)
    editor["erase"].click()
    page.wait_for_function("() => globalThis.held.length")
    expect(editor["progress"]).to_be_visible()
    paint(editor, SECOND)
    page.keyboard.press("Control+Enter")
    page.evaluate("globalThis.letGo()")
    editor.expect_step("Result 2 of 2")
    return editor.download()[1]


def what_is_kept_over_a_reload(editor: Editor, result: bytes) -> None:
    """Results, strokes and history, after what is painted meanwhile. result: which is shown."""
    # At once, while the page still writes or has not even begun to.
    paint(editor, FIRST, THIRD)
    editor.page.reload()
    expect(editor["status"]).to_have_text("Everything is as you left it.")
    editor.await_picture(CHART)
    np.testing.assert_array_equal(editor.mask(), hole(FIRST, THIRD))
    assert editor.download()[1] == result
    for _ in range(3):
        editor["undo"].click()
    editor.expect_step("Result 1 of 2")
    np.testing.assert_array_equal(editor.mask(), hole(SECOND))
    editor.start_anew()


def several_pictures(editor: Editor) -> None:
    """One mask for all of them, and one file with all results."""
    editor.page.set_input_files("#picture-file", [payload(CHART_FILE, name) for name in ("a.png", "b.png")])
    expect(editor["photo-value"]).to_have_text("1 / 2")
    editor.await_picture(CHART)
    paint(editor, FIRST)
    editor.press("erase-all")
    editor.expect_alert("Erased from 2 of 2 pictures.")
    with zipfile.ZipFile(io.BytesIO(editor.download("download-all")[1])) as archive:
        assert sorted(archive.namelist()) == ["a-erased.png", "b-erased.png"]
        for name in archive.namelist():
            assert changed(CHART_FILE, archive.read(name))[hole(FIRST)].mean() > 0.9
    editor.page.keyboard.press("PageDown")
    expect(editor["photo-value"]).to_have_text("2 / 2")
    editor.expect_step("Result 1 of 1")


def a_scribble_by_keys_selects(editor: Editor) -> None:
    """With the keyboard alone; a message of the server stands in words."""
    page = editor.page
    editor.open()
    editor["stage"].focus()
    page.keyboard.press("r")
    for keys in ("ArrowRight", "Enter", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(keys)
    area = editor.mask()
    assert area.any()
    page.evaluate(LOSE_MASK)
    editor.choose("select")
    editor.draw((110, 80), (130, 84))
    editor.expect_alert(re.compile("mask"))
    editor.expect_said_by_server("mask")
    editor["alert-action"].click()
    expect(editor["selection"]).to_be_visible()
    page.keyboard.press("Enter")
    expect(editor["selection"]).to_be_hidden()
    assert (editor.mask() & ~area).any()


def from_right_to_left_without_a_key(editor: Editor) -> None:
    """The dialog of the key, and erasing on release; then another language. The page is in Arabic and has no key."""
    page = editor.page
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    editor.open()
    editor["more"].click()
    editor["release"].check()
    page.keyboard.press("Escape")
    expect(editor["menu"]).to_be_hidden()
    paint(editor, FIRST)
    editor["key-value"].fill("wrong")
    editor["key-save"].click()
    expect(editor["key-error"]).to_be_visible()
    editor["key-value"].fill(KEY)
    page.keyboard.press("Enter")
    expect(editor["step-value"]).to_have_text("النتيجة 1 من 1")
    assert not changed(CHART_FILE, editor.download()[1])[~hole(FIRST)].any()
    editor.press("compare")
    sides: list[Any] = [page.locator(name).bounding_box() for name in ("#stage", ".side.after", ".side.before")]
    stage, after, before = sides
    assert before["x"] < stage["x"] + stage["width"] / 2 < after["x"]
    editor.press("compare")
    editor["more"].click()
    editor["language"].select_option("de")
    expect(page.locator("html")).to_have_attribute("dir", "ltr")
    expect(editor["download"]).to_have_text("Herunterladen")
