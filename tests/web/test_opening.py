"""Opening and saving pictures in the page."""

import base64
import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from playwright.sync_api import expect

from image_erase.web.serving import FOLDER
from support.editor import CHART, CHART_FILE, Editor, chart, payload
from support.modules import run
from support.pictures import boxed, changed, file_of, pixels_of
from support.server import Server

# A file as other programs hand it over.
HAND_OVER = """([base64, name, type]) => {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  return transfer;
}"""
BOX = (40, 30, 90, 70)


def transfer(editor: Editor, data: bytes = CHART_FILE, name: str = "handed.png") -> object:
    return editor.page.evaluate_handle(HAND_OVER, [base64.b64encode(data).decode(), name, "image/png"])


def paint_box(editor: Editor) -> None:
    editor.choose("box")
    editor.draw(BOX[:2], BOX[2:])


def choose_other(editor: Editor) -> None:
    editor.page.set_input_files("#picture-file", payload(file_of(chart((100, 80))), "other.png"))


def test_choosing_a_file(editor: Editor) -> None:
    for button in ("choose", "open"):
        with editor.page.expect_file_chooser() as chooser:
            editor[button].click()
        chooser.value.set_files([payload(CHART_FILE, "chosen.png")])
        editor.await_picture(CHART)
    expect(editor["stage"]).to_be_focused()
    assert editor.download() == ("chosen.png", CHART_FILE)


def test_dropping(editor: Editor) -> None:
    given = {"dataTransfer": transfer(editor)}
    editor.page.dispatch_event("#choose", "dragenter", given)
    expect(editor["drop"]).to_be_visible()
    editor.page.dispatch_event("#choose", "dragleave", given)
    expect(editor["drop"]).to_be_hidden()
    editor.page.dispatch_event("#choose", "dragenter", given)
    editor.page.dispatch_event("#choose", "dragover", given)
    editor.page.dispatch_event("#choose", "drop", given)
    expect(editor["drop"]).to_be_hidden()
    editor.await_picture(CHART)
    assert editor.saved() == ("handed.png", CHART_FILE)


def test_pasting(editor: Editor) -> None:
    paste = "(given) => document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: given }))"
    editor.page.evaluate(paste, transfer(editor))
    editor.await_picture(CHART)
    assert editor.saved() == ("handed.png", CHART_FILE)


def test_the_sample(editor: Editor) -> None:
    data = (FOLDER / "sample.jpg").read_bytes()
    editor["sample"].click()
    editor.await_picture(Image.open(io.BytesIO(data)).size)
    assert editor.saved() == ("sample.jpg", data)
    editor.draw((300, 200), (330, 220))
    editor.erase()
    name, result = editor.saved()
    assert (name, result[:2]) == ("sample-erased.jpg", b"\xff\xd8")


def test_asks_before_work_is_lost(editor: Editor) -> None:
    editor.open()
    paint_box(editor)
    painted = editor.mask()
    for keep in ("Keep this one", None):
        choose_other(editor)
        expect(editor["replace-dialog"]).to_be_visible()
        if keep:
            editor.page.get_by_role("button", name=keep).click()
        else:
            editor.page.keyboard.press("Escape")
        expect(editor["replace-dialog"]).to_be_hidden()
    np.testing.assert_array_equal(editor.mask(), painted)
    editor.erase()
    # Nothing is painted any more, but a result is there that nobody has.
    choose_other(editor)
    editor.page.get_by_role("button", name="Keep this one").click()
    # The original is not the result.
    editor["step-back"].click()
    editor.expect_step("Original")
    editor.saved()
    editor.press("mask-clear")
    choose_other(editor)
    editor.page.get_by_role("button", name="Keep this one").click()
    editor["step-forward"].click()
    editor.expect_step("Result 1 of 1")
    editor.saved()
    choose_other(editor)
    editor.await_picture((100, 80))
    expect(editor["replace-dialog"]).to_be_hidden()
    expect(editor["step-value"]).to_have_text("Original")
    assert not editor.mask().any()


def test_asks_until_the_other_is_wanted(editor: Editor) -> None:
    editor.open()
    editor.draw((50, 50))
    choose_other(editor)
    editor["replace-yes"].click()
    editor.await_picture((100, 80))
    expect(editor["undo"]).to_be_disabled()


def test_what_is_no_picture(editor: Editor) -> None:
    broken = payload(b"no picture", "letter.png")
    editor.page.set_input_files("#picture-file", broken)
    editor.expect_alert("The browser cannot read this file as a picture.")
    expect(editor["welcome"]).to_be_visible()
    editor.open()
    expect(editor["alert"]).to_be_hidden()
    editor.page.set_input_files("#picture-file", broken)
    editor.expect_alert("The browser cannot read this file as a picture.")
    assert editor.saved() == ("photo.png", CHART_FILE)


def test_a_kind_that_the_server_does_not_read(editor: Editor) -> None:
    editor.open(file_of(chart(), "ICO", sizes=[CHART]), "old.ico")
    expect(editor["status"]).to_contain_text("It was converted to JPEG.")
    name, converted = editor.saved()
    assert (name, converted[:2], pixels_of(converted).shape) == ("old.jpg", b"\xff\xd8", (*CHART[::-1], 3))
    paint_box(editor)
    editor.erase()
    assert editor.saved()[0] == "old-erased.jpg"


def test_a_kind_of_which_the_result_is_another(editor: Editor) -> None:
    for suffix, result in (("gif", "png"), ("avif", "jpg")):
        data = file_of(chart(), suffix.upper())
        editor.open(data, f"photo.{suffix}")
        assert editor.saved() == (f"photo.{suffix}", data)
        paint_box(editor)
        editor.erase()
        assert editor.saved()[0] == f"photo-erased.{result}"


def test_a_photograph_that_the_browser_cannot_show(editor: Editor) -> None:
    editor.page.set_input_files("#picture-file", payload(b"\0\0\0\x18ftypheic" + bytes(40), "IMG_1.HEIC"))
    editor.expect_alert(
        "This browser cannot show HEIC photographs. Open it in Safari, or let the phone save it as JPEG."
    )


@pytest.mark.parametrize("orientation", [6, 3])
def test_a_turned_photograph(editor: Editor, orientation: int) -> None:
    """It is shown upright, and what is erased lies where it was painted."""
    turns = {6: Image.Transpose.ROTATE_90, 3: Image.Transpose.ROTATE_180}
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file_of(chart().transpose(turns[orientation]), "JPEG", quality=95, subsampling=0, exif=exif)
    editor.open(data, "turned.jpg")
    assert editor.size == CHART
    assert editor.colour((30.5, 130.5))[:2] == pytest.approx((30, 130), abs=8)
    paint_box(editor)
    editor.erase()
    assert editor.colour((30.5, 130.5))[:2] == pytest.approx((30, 130), abs=8)
    _, result = editor.saved()
    before, after = (np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(file))), int) for file in (data, result))
    differs = (np.abs(before - after) > 24).any(axis=2)
    hole = np.asarray(boxed(CHART, BOX)) > 0
    assert not differs[~hole].any()
    assert differs[hole].mean() > 0.5


def test_a_result_is_of_the_pictures_format(editor: Editor, server: Server) -> None:
    check_format(editor, server, "png", file_of(chart()))
    check_format(editor, server, "jpg", file_of(chart(), "JPEG"))
    check_format(editor, server, "bmp", file_of(chart(), "BMP"))
    check_format(editor, server, "webp", file_of(chart(), "WEBP", lossless=True))


def check_format(editor: Editor, server: Server, suffix: str, data: bytes) -> None:
    editor.open(data, f"my.photo.{suffix}")
    paint_box(editor)
    with editor.page.expect_response("**/erase") as erased:
        editor.erase()
    name, result = editor.download()
    assert name == f"my.photo-erased.{suffix}"
    answer = server.client.get(erased.value.headers["location"]).content
    if suffix in ("png", "jpg"):
        assert result == answer
    with Image.open(io.BytesIO(result)) as image:
        assert image.format == {"jpg": "JPEG"}.get(suffix, suffix.upper())
    np.testing.assert_array_equal(pixels_of(result), pixels_of(answer))
    if suffix != "jpg":
        assert not changed(data, result)[np.asarray(boxed(CHART, BOX)) == 0].any()


def test_the_code_for_it(editor: Editor, server: Server) -> None:
    page = editor.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    editor.open(CHART_FILE, "it's.png")
    paint_box(editor)
    editor.press("code")
    expect(editor["code-dialog"]).to_be_visible()
    names = {"url": f"{server.base}/", "imageName": "it's.png", "maskName": "it's-mask.png"}
    expected = {entry["label"]: entry["code"] for entry in run(page, "snippets", "m.snippets(given[0])", names)}
    assert set(expected) == {"curl", "Python", "JavaScript"}
    # Beside the tabs there is nothing to choose.
    page.dispatch_event("#code-tabs", "click")
    for label, code in expected.items():
        tab = page.get_by_role("tab", name=label, exact=True)
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        assert editor["code-panel"].text_content() == code
        editor["code-copy"].click()
        expect(editor["code-said"]).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == code
    name, mask = editor.download("code-mask")
    assert name == "it's-mask.png"
    assert editor.download("code-picture") == ("it's.png", CHART_FILE)
    page.keyboard.press("Escape")
    expect(editor["code-dialog"]).to_be_hidden()
    np.testing.assert_array_equal(pixels_of(mask), np.asarray(boxed(CHART, BOX)) > 0)
    # A result has a name of its own.
    editor.erase()
    editor.press("code")
    expect(editor["code-panel"]).to_contain_text("it'\\''s-erased")
