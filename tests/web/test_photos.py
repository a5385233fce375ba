"""Several pictures: separate strokes and results, one mask for all, and one file with all results."""

import base64
import io
import re
import zipfile

import numpy as np
from PIL import Image
from playwright.sync_api import Route, expect

from support.barriers import assert_no_barriers
from support.browser import OpenPage
from support.editor import CHART, CHART_FILE, NOTHING, Editor, chart, payload
from support.pictures import boxed, changed, file_of
from support.server import KEY

FIRST, SECOND = (40, 30, 90, 70), (130, 60, 190, 110)
OTHER = (200, 120)
OTHER_FILE = file_of(chart(OTHER))
# Drops files on the page, or pastes them.
GIVE = """([kind, names]) => {
  const data = new DataTransfer();
  const bytes = Uint8Array.from(atob(globalThis.chart), (each) => each.charCodeAt(0));
  for (const name of names) data.items.add(new File([bytes], name));
  if (kind === "drop") dispatchEvent(new DragEvent("drop", { dataTransfer: data }));
  else document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
}"""
# Counts the pictures that are decoded.
COUNT = """() => {
  globalThis.decoded = 0;
  const make = createImageBitmap;
  const { close } = ImageBitmap.prototype;
  globalThis.createImageBitmap = async (...given) => (decoded++, make(...given));
  ImageBitmap.prototype.close = function () {
    decoded--;
    close.call(this);
  };
}"""


def hole(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    none = np.zeros(CHART[::-1], bool)
    return np.logical_or.reduce([none, *(np.asarray(boxed(CHART, box)) > 0 for box in boxes)])


def open_all(editor: Editor, **files: bytes) -> None:
    """Open files by their names, with a dash for the dot, and wait until all are there."""
    named = [payload(data, name.replace("_", ".")) for name, data in files.items()]
    editor.page.set_input_files("#picture-file", named)
    expect(editor["status"]).to_contain_text(f"{len(files)} pictures are open")
    expect(editor["photo-value"]).to_have_text(f"1 / {len(files)}")
    editor.drawn()
    editor.view = editor.fitted()


def paint(editor: Editor, box: tuple[int, int, int, int]) -> None:
    editor.choose("box")
    editor.draw(box[:2], box[2:])


def turn(editor: Editor, key: str, said: str) -> None:
    """Go to another picture with a key."""
    editor.page.keyboard.press(key)
    expect(editor["said"]).to_contain_text(said)
    editor.drawn()


def results(editor: Editor) -> dict[str, bytes]:
    """What "Download all" saves."""
    name, data = editor.saved("download-all")
    assert name == "erased.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_each_has_work_of_its_own(editor: Editor) -> None:
    page = editor.page
    open_all(editor, a_png=CHART_FILE, b_png=OTHER_FILE, c_png=CHART_FILE)
    expect(editor["photo-back"]).to_be_disabled()
    paint(editor, FIRST)
    editor.erase()
    paint(editor, SECOND)
    turn(editor, "PageDown", "b.png, picture 2 of 3")
    editor.await_picture(OTHER)
    expect(editor["undo"]).to_be_disabled()
    expect(editor["results"]).to_be_hidden()
    assert not editor.mask().any()
    editor["photo-forward"].click()
    expect(editor["photo-value"]).to_have_text("3 / 3")
    expect(editor["photo-back"]).to_be_focused()
    expect(editor["photo-forward"]).to_be_disabled()
    editor.await_picture(CHART)
    paint(editor, FIRST)
    # Nothing is after the last one.
    page.keyboard.press("PageDown")
    turn(editor, "PageUp", "b.png")
    turn(editor, "PageUp", "a.png")
    expect(editor["photo-value"]).to_have_text("1 / 3")
    editor.await_picture(CHART)
    expect(editor["step-value"]).to_have_text("Result 1 of 1")
    np.testing.assert_array_equal(editor.mask(), hole(SECOND))
    result = editor.saved()[1]
    assert editor.colour((65.5, 50.5))[:3] == tuple(np.array(Image.open(io.BytesIO(result)))[50, 65])

    # All of it is there again after a reload, and only what is seen is decoded.
    page.reload()
    expect(editor["status"]).to_have_text("Everything is as you left it.")
    expect(editor["photo-value"]).to_have_text("1 / 3")
    np.testing.assert_array_equal(editor.mask(), hole(SECOND))
    editor["undo"].click()
    editor["undo"].click()
    editor.expect_step("Original")
    turn(editor, "PageDown", "b.png")
    turn(editor, "PageDown", "c.png")
    editor.await_picture(CHART)
    np.testing.assert_array_equal(editor.mask(), hole(FIRST))

    # One is closed, which is asked for where it has work; the others stay.
    editor.press("photo-close")
    expect(editor["replace-title"]).to_have_text("Close this picture?")
    expect(editor["replace-add"]).to_be_hidden()
    editor["replace-yes"].click()
    expect(editor["photo-value"]).to_have_text("2 / 2")
    editor.await_picture(OTHER)
    editor.press("photo-close")
    expect(editor["photos"]).to_be_hidden()
    editor.await_picture(CHART)
    expect(editor["step-forward"]).to_be_enabled()


def test_opened_beside_or_in_place(editor: Editor) -> None:
    page = editor.page
    editor.open()
    paint(editor, FIRST)
    page.set_input_files("#picture-file", [payload(OTHER_FILE, "b.png"), payload(CHART_FILE, "c.png")])
    editor["replace-add"].click()
    expect(editor["status"]).to_have_text(re.compile("^3 pictures are open"))
    expect(editor["photo-value"]).to_have_text("2 / 3")
    assert_no_barriers(page)
    editor["photo-back"].click()
    editor.await_picture(CHART)
    np.testing.assert_array_equal(editor.mask(), hole(FIRST))
    # What is no picture is named, and does not stop the others.
    files = [payload(b"no", "x.jpg"), payload(OTHER_FILE, "y.png"), payload(b"", "z.png"), payload(CHART_FILE, "v.png")]
    page.set_input_files("#picture-file", files)
    editor["replace-yes"].click()
    editor.expect_alert("The browser cannot read these files as pictures: x.jpg, z.png")
    expect(editor["photo-value"]).to_have_text("1 / 2")
    editor.await_picture(OTHER)
    page.reload()
    expect(editor["photo-value"]).to_have_text("1 / 2")


def test_dropped_and_pasted(editor: Editor) -> None:
    page = editor.page
    page.evaluate(COUNT)
    page.evaluate("(chart) => { globalThis.chart = chart; }", base64.b64encode(CHART_FILE).decode())
    page.evaluate(GIVE, ["drop", ["a.png", "b.png"]])
    expect(editor["photo-value"]).to_have_text("1 / 2")
    page.evaluate(GIVE, ["paste", ["c.png", "d.png", "e.png"]])
    editor["replace-add"].click()
    expect(editor["status"]).to_contain_text("5 pictures are open")
    expect(editor["photo-value"]).to_have_text("3 / 5")
    # However many there are, only the one that is seen is decoded.
    assert page.evaluate("decoded") == 1
    turn(editor, "PageDown", "d.png")
    turn(editor, "PageUp", "c.png")
    assert page.evaluate("decoded") == 1


def test_one_mask_for_all(editor: Editor) -> None:
    page = editor.page
    # Turned by its camera data, it has the size of the others.
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = file_of(chart().transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    webp = file_of(chart(), "WEBP")
    open_all(editor, a_png=CHART_FILE, b_jpg=sideways, c_png=OTHER_FILE, d_png=CHART_FILE, e_webp=webp)
    turn(editor, "PageDown", "b.jpg")
    paint(editor, SECOND)
    turn(editor, "PageUp", "a.png")
    paint(editor, FIRST)
    refused: list[str] = []

    def refuse(route: Route) -> None:
        """The third, which is `d`."""
        refused.append(route.request.url)
        if len(refused) == 3:
            route.fulfill(status=422, json={"type": "tag:image-erase,2026:file-damaged", "detail": "No."})
        else:
            route.continue_()

    page.route("**/erase", refuse)
    editor.press("erase-all")
    editor.expect_alert(re.compile(r"^Erased from 3 of 4 pictures\. d\.png: The picture.s file is damaged.*c\.png$"))
    expect(editor["step-value"]).to_have_text("Result 1 of 1")
    assert not editor.mask().any()
    assert sorted(results(editor)) == ["a-erased.png", "b-erased.jpg", "e-erased.webp"]
    # Only what failed is sent again.
    editor["alert-action"].click()
    editor.expect_alert("Erased from 1 of 1 pictures.")
    assert len(refused) == 5
    assert_no_barriers(page)
    with page.expect_download() as started:
        editor["alert-action"].click()
    with zipfile.ZipFile(started.value.path()) as archive:
        assert sorted(archive.namelist()) == ["a-erased.png", "b-erased.jpg", "d-erased.png", "e-erased.webp"]
        assert (changed(CHART_FILE, archive.read("a-erased.png")) <= hole(FIRST)).all()
        assert changed(CHART_FILE, archive.read("d-erased.png"))[hole(FIRST)].mean() > 0.9
    # Strokes that were there are painted on the result; what was erased is painted on what it was made of.
    turn(editor, "PageDown", "b.jpg")
    expect(editor["step-value"]).to_have_text("Result 1 of 1")
    np.testing.assert_array_equal(editor.mask(), hole(SECOND))
    page.keyboard.press(",")
    editor.expect_step("Original")
    np.testing.assert_array_equal(editor.mask(), hole(FIRST))


def test_cancelled_and_without_a_key(open_page: OpenPage) -> None:
    page = open_page()
    editor = Editor(page)
    open_all(editor, a_png=CHART_FILE, b_png=CHART_FILE, c_png=CHART_FILE)
    editor.press("erase-all")
    editor.expect_alert("Paint over what should go first.")
    paint(editor, FIRST)
    # The first is erased, the second never comes to an end.
    page.route("**/erase", lambda route: None)
    page.route("**/erase", lambda route: route.continue_(), times=1)
    editor.press("erase-all")
    editor["key-value"].fill(KEY)
    editor["key-save"].click()
    expect(editor["bar-label"]).to_contain_text("2 / 3")
    expect(editor["step-value"]).to_have_text("Result 1 of 1")
    expect(editor["photo-forward"]).to_be_disabled()
    page.keyboard.press("PageDown")
    expect(editor["status"]).to_contain_text("Wait for the result")
    editor["cancel"].click()
    expect(editor["status"]).to_have_text("Cancelled")
    expect(editor["progress"]).to_be_hidden()
    assert list(results(editor)) == ["a-erased.png"]
    turn(editor, "PageDown", "b.png")
    assert not editor.mask().any()
    expect(editor["results"]).to_be_hidden()


def test_what_does_not_fit_is_said(open_page: OpenPage) -> None:
    page = open_page(key=KEY, path=NOTHING)
    page.context.add_init_script("""
      const { put } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = function (value, ...others) {
        if (["b.png", "c.png"].includes(value.name)) throw new DOMException("full", "QuotaExceededError");
        return put.call(this, value, ...others);
      };
    """)
    page.goto("/")
    editor = Editor(page)
    page.set_input_files("#picture-file", [payload(CHART_FILE, f"{name}.png") for name in "abc"])
    editor.expect_alert(re.compile("^This browser has no room to keep 2 of the pictures"))
    editor.await_picture(CHART)
    paint(editor, FIRST)
    editor.erase()
    # The browser asks before it leaves, since not all is kept.
    assert not page.evaluate("() => dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    editor.saved()
    page.reload()
    expect(editor["step-value"]).to_have_text("Result 1 of 1")
    expect(editor["photos"]).to_be_hidden()
