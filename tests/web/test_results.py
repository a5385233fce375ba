"""Erasing: progress and results."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Route, expect

from support.editor import CHART, CHART_FILE, WEIGH, Editor, chart, forget, payload
from support.pictures import boxed, changed, file_of, pixels_of

FIRST, SECOND, THIRD = (40, 30, 90, 70), (130, 60, 190, 110), (30, 100, 80, 140)
# What lies on the clipboard.
CLIPBOARD = """async () => {
  const [item] = await navigator.clipboard.read();
  const blob = await item.getType("image/png");
  return { type: blob.type, bytes: [...new Uint8Array(await blob.arrayBuffer())] };
}"""

# Stops each fading where it begins, and lists them.
HOLD_FADING = """() => {
  globalThis.fadings = [];
  const { animate } = Element.prototype;
  Element.prototype.animate = function (...given) {
    const fading = animate.apply(this, given);
    fading.pause();
    globalThis.fadings.push(fading);
    return fading;
  };
}"""


def hole(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    none = np.zeros(CHART[::-1], bool)
    return np.logical_or.reduce([none, *(np.asarray(boxed(CHART, box)) > 0 for box in boxes)])


def paint(editor: Editor, box: tuple[int, int, int, int]) -> None:
    editor.draw(box[:2], box[2:])


@pytest.fixture
def canvas(editor: Editor) -> Editor:
    """The page with the chart and with the tool that paints boxes."""
    editor.open()
    editor.choose("box")
    return editor


def test_while_it_goes_on(canvas: Editor) -> None:
    editor, page = canvas, canvas.page
    page.route("**/erase", lambda route: None)
    paint(editor, FIRST)
    with page.expect_request("**/erase"):
        editor["erase"].click()
    expect(editor["progress"]).to_be_visible()
    expect(editor["erase"]).to_be_hidden()
    expect(editor["undo"]).to_be_disabled()
    # What is painted meanwhile waits; nothing can be opened or begun.
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    paint(editor, SECOND)
    page.keyboard.press("Control+z")
    expect(editor["undo"]).to_be_disabled()
    assert not editor.mask().any()
    page.keyboard.press("Control+y")
    np.testing.assert_array_equal(editor.mask(), hole(SECOND))
    page.set_input_files("#picture-file", payload(CHART_FILE, "other.png"))
    expect(editor["status"]).to_contain_text("Wait for the result")
    expect(editor["replace-dialog"]).to_be_hidden()
    editor["cancel"].click()
    expect(editor["status"]).to_have_text("Cancelled")
    expect(editor["progress"]).to_be_hidden()
    expect(editor["alert"]).to_be_hidden()
    expect(editor["step-value"]).to_have_text("Original")
    np.testing.assert_array_equal(editor.mask(), hole(FIRST, SECOND))
    page.keyboard.press("Control+z")
    assert [url for url in requests if url.endswith("/erase")] == []
    # What was cancelled is begun again, and Escape cancels as well.
    with page.expect_request("**/erase"):
        editor["erase"].click()
    expect(editor["progress"]).to_be_visible()
    page.keyboard.press("Escape")
    expect(editor["progress"]).to_be_hidden()
    page.unroute_all()
    editor.erase()
    assert len([url for url in requests if url.endswith("/erase")]) == 2
    assert not changed(CHART_FILE, editor.saved()[1])[~hole(FIRST)].any()


def test_step_after_step(canvas: Editor) -> None:
    masks, results = [FIRST, SECOND], [CHART_FILE]
    for number, box in enumerate(masks, 1):
        paint(canvas, box)
        canvas.erase(f"Result {number} of {number}")
        assert not canvas.mask().any()
        results.append(canvas.saved()[1])
    assert not changed(results[1], results[2])[~hole(SECOND)].any()
    assert changed(results[0], results[2])[hole(*masks)].mean() > 0.95
    expect(canvas["step-forward"]).to_be_disabled()
    for index in (1, 0):
        canvas["step-back"].click()
        canvas.expect_step("Original" if index == 0 else "Result 1 of 2")
        np.testing.assert_array_equal(canvas.mask(), hole(masks[index]))
        assert canvas.saved()[1] == results[index]
    expect(canvas["step-back"]).to_be_disabled()
    expect(canvas["compare"]).to_be_disabled()
    canvas.page.keyboard.press(".")
    canvas.expect_step("Result 1 of 2")
    assert canvas.colour((65.5, 50.5))[:3] == tuple(pixels_of(results[1])[50, 65])
    # From here on anew: what was painted here before is painted still.
    canvas.press("mask-clear")
    paint(canvas, THIRD)
    canvas.erase("Result 2 of 2")
    newest = canvas.saved()[1]
    assert not changed(results[1], newest)[~hole(THIRD)].any()
    assert changed(results[1], newest)[hole(THIRD)].mean() > 0.95
    expect(canvas["step-forward"]).to_be_disabled()


def test_before_and_after(canvas: Editor) -> None:
    page, center = canvas.page, (65.5, 50.5)
    paint(canvas, FIRST)
    expect(canvas["before"]).to_be_disabled()
    canvas.erase()
    before, after = pixels_of(CHART_FILE), pixels_of(canvas.saved()[1])
    canvas["compare"].click()
    expect(canvas["compare"]).to_have_attribute("aria-pressed", "true")
    spots = [(x + 0.5, y + 0.5) for x in range(42, 88, 9) for y in range(32, 68, 9)]
    for value, shown in (("1000", before), ("0", after)):
        canvas["split"].fill(value)
        assert [seen[:3] for seen in canvas.colours(spots)] == [tuple(shown[int(y), int(x)]) for x, y in spots]
    # In the middle of the hole, which is left of the stage's.
    left = canvas["stage"].bounding_box()["x"]
    width = canvas["stage"].bounding_box()["width"]
    value = round(((canvas.at(center)[0] - left - 22) / (width - 44)) * 1000)
    canvas["split"].fill(str(value))
    edge = canvas["divider"].bounding_box()
    assert edge["x"] + edge["width"] / 2 == pytest.approx(canvas.at(center)[0], abs=2)
    assert canvas.colour((60.5, 50.5))[:3] == tuple(before[50, 60])
    assert canvas.colour((70.5, 50.5))[:3] == tuple(after[50, 70])
    # No painting through it; a drag moves the picture.
    view = canvas.look()
    paint(canvas, SECOND)
    assert canvas.look() != pytest.approx(view, abs=1)
    canvas["fit"].click()
    canvas.look()
    page.keyboard.press("v")
    expect(canvas["split"]).to_be_hidden()
    assert not canvas.mask().any()

    x, y = (canvas["before"].bounding_box()[side] + 10 for side in ("x", "y"))
    page.mouse.move(x, y)
    page.mouse.down()
    assert canvas.colour(center)[:3] == tuple(before[50, 65])
    page.mouse.up()
    assert canvas.colour(center)[:3] == tuple(after[50, 65])
    page.keyboard.down("c")
    assert canvas.colour(center)[:3] == tuple(before[50, 65])
    page.keyboard.up("c")
    assert canvas.colour(center)[:3] == tuple(after[50, 65])


def test_erasing_ends_comparing(canvas: Editor) -> None:
    paint(canvas, FIRST)
    canvas.erase()
    paint(canvas, SECOND)
    canvas["compare"].click()
    assert canvas.colour((160, 80), "mask")[3] == 0
    canvas.erase("Result 2 of 2")
    expect(canvas["split"]).to_be_hidden()
    assert changed(CHART_FILE, canvas.saved()[1])[hole(FIRST, SECOND)].mean() > 0.95


def test_what_was_there_fades_where_motion_is_wanted(canvas: Editor) -> None:
    page = canvas.page
    page.evaluate(HOLD_FADING)
    page.emulate_media(reduced_motion="no-preference")
    try:
        paint(canvas, FIRST)
        canvas.erase()
    finally:
        page.emulate_media(reduced_motion="reduce")
    assert canvas["fade"].evaluate("(fade) => getComputedStyle(fade).opacity") == "1"
    # It would not fit another view.
    canvas["zoom-in"].click()
    assert page.evaluate("fadings.map(({ playState }) => playState)") == ["idle"]
    assert canvas["fade"].evaluate("(fade) => getComputedStyle(fade).opacity") == "0"
    canvas["fit"].click()
    paint(canvas, SECOND)
    canvas.erase("Result 2 of 2")
    lasts, none = page.evaluate("fadings.map(({ effect }) => effect.getTiming().duration)")
    assert lasts > none == 0


def test_nothing_happens_between_an_answer_and_its_picture(canvas: Editor) -> None:
    """Decoding a large result takes a while: what is painted then is on it, and what is opened not mixed up with it."""
    canvas.page.evaluate("""() => {
      const decode = globalThis.createImageBitmap;
      globalThis.createImageBitmap = async (...given) => {
        await new Promise((go) => (globalThis.go = go));
        return decode(...given);
      };
    }""")
    paint(canvas, FIRST)
    canvas["erase"].click()
    canvas.page.wait_for_function("() => globalThis.go")
    paint(canvas, SECOND)
    canvas.page.set_input_files("#picture-file", payload(CHART_FILE, "other.png"))
    # A stroke that has begun by then goes on.
    start, end = map(canvas.at, ((30, 100), (80, 140)))
    canvas.page.mouse.move(*start)
    canvas.page.mouse.down()
    canvas.page.evaluate("globalThis.go()")
    canvas.expect_step("Result 1 of 1")
    canvas.page.mouse.move(*end)
    canvas.page.mouse.up()
    assert canvas.saved()[0] == "photo-erased.png"
    np.testing.assert_array_equal(canvas.mask(), hole(SECOND, THIRD))
    canvas["undo"].click()
    canvas["undo"].click()
    canvas["step-back"].click()
    canvas.expect_step("Original")
    np.testing.assert_array_equal(canvas.mask(), hole(FIRST))


def test_what_is_painted_meanwhile_is_erased_next(canvas: Editor) -> None:
    held: list[Route] = []
    canvas.page.route("**/erase", lambda route: held.insert(0, route), times=1)
    paint(canvas, FIRST)
    with canvas.page.expect_request("**/erase"):
        canvas["erase"].click()
    assert canvas.colour((65, 50), "sent")[3] == 255
    paint(canvas, SECOND)
    canvas.page.keyboard.press("Control+Enter")
    expect(canvas["status"]).to_have_text("Erased as soon as the server is done.")
    held.pop().continue_()
    canvas.expect_step("Result 2 of 2")
    result = canvas.saved()[1]
    assert changed(CHART_FILE, result)[hole(FIRST, SECOND)].mean() > 0.95
    assert not changed(CHART_FILE, result)[~hole(FIRST, SECOND)].any()
    # Each step has what was painted for it.
    for box, step in ((SECOND, "Result 1 of 2"), (FIRST, "Original")):
        canvas["step-back"].click()
        canvas.expect_step(step)
        np.testing.assert_array_equal(canvas.mask(), hole(box))


def test_undo_and_redo_go_over_results(canvas: Editor) -> None:
    """One history: what came last is taken back first, whether a stroke or a result."""
    paint(canvas, FIRST)
    canvas.erase()
    expect(canvas["erase"]).to_have_attribute("aria-disabled", "true")
    paint(canvas, SECOND)
    expect(canvas["erase"]).to_have_attribute("aria-disabled", "false")
    keyboard = canvas.page.keyboard
    keyboard.press("Control+z")
    canvas.expect_step("Result 1 of 1")
    assert not canvas.mask().any()
    keyboard.press("Control+z")
    canvas.expect_step("Original")
    np.testing.assert_array_equal(canvas.mask(), hole(FIRST))
    canvas["undo"].click()
    expect(canvas["undo"]).to_be_disabled()
    assert not canvas.mask().any()
    for shown, step in ((hole(FIRST), "Original"), (hole(), "Result 1 of 1"), (hole(SECOND), "Result 1 of 1")):
        canvas["redo"].click()
        canvas.expect_step(step)
        np.testing.assert_array_equal(canvas.mask(), shown)
    expect(canvas["redo"]).to_be_disabled()


def test_erasing_on_release_is_remembered(canvas: Editor) -> None:
    canvas["more"].click()
    canvas["release"].check()
    canvas.page.keyboard.press("Escape")
    paint(canvas, FIRST)
    canvas.expect_step("Result 1 of 1")
    forget(canvas.page)
    canvas.open()
    expect(canvas["release"]).to_be_checked()
    canvas.choose("box")
    paint(canvas, SECOND)
    canvas.expect_step("Result 1 of 1")
    assert not changed(CHART_FILE, canvas.saved()[1])[~hole(SECOND)].any()
    canvas["more"].click()
    canvas["release"].uncheck()
    canvas.page.keyboard.press("Escape")
    paint(canvas, FIRST)
    np.testing.assert_array_equal(canvas.mask(), hole(FIRST))
    canvas.expect_step("Result 1 of 1")


def test_camera_data_is_kept_where_that_is_chosen(canvas: Editor) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    photograph = file_of(chart(), "JPEG", exif=exif)

    def camera() -> object:
        canvas.open(photograph, "photo.jpg")
        paint(canvas, FIRST)
        canvas.erase()
        with Image.open(io.BytesIO(canvas.saved()[1])) as result:
            return result.getexif().get(0x010F)

    assert camera() is None
    canvas["more"].click()
    expect(canvas["metadata"]).not_to_be_checked()
    canvas["metadata"].check()
    assert camera() == "A camera"
    canvas.page.reload()
    expect(canvas["metadata"]).to_be_checked()


def test_a_large_photograph_is_sent_once(canvas: Editor) -> None:
    """More than the vendor's endpoint takes; every erasing sends a mask only, and changes only what it paints."""
    noise = np.random.default_rng(4).integers(0, 256, (1100, 1400, 3), np.uint8)
    data = file_of(Image.fromarray(noise), "JPEG", quality=98, subsampling=0)
    assert len(data) > 4 << 20
    canvas.open(data, "large.jpg")
    canvas.page.evaluate(WEIGH)
    for number, box in enumerate(((200, 150, 500, 400), (800, 350, 1150, 650)), 1):
        paint(canvas, box)
        canvas.erase(f"Result {number} of {number}")
    first, *others = canvas.page.evaluate("sent")
    assert first > 4 << 20
    assert max(others) < 20_000


def test_keys_that_save_and_copy(canvas: Editor) -> None:
    page = canvas.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    paint(canvas, FIRST)
    canvas.erase()
    with page.expect_download() as started:
        page.keyboard.press("Control+s")
    assert started.value.suggested_filename == "photo-erased.png"
    page.keyboard.press("Control+c")
    expect(canvas["status"]).to_have_text("The picture is copied.")
    copied = page.evaluate(CLIPBOARD)
    assert copied["type"] == "image/png"
    result = pixels_of(started.value.path().read_bytes())
    np.testing.assert_array_equal(pixels_of(bytes(copied["bytes"])), result)
    # Text that is selected is what is meant, and no key opens the browser's own dialog for saving.
    page.evaluate("""() => {
      globalThis.kept = [];
      addEventListener("keydown", (event) => kept.push(event.defaultPrevented));
      getSelection().selectAllChildren(document.getElementById("step-value"));
    }""")
    page.keyboard.press("Control+c")
    canvas["help"].evaluate("(button) => button.click()")
    page.keyboard.press("Control+s")
    assert page.evaluate("kept.splice(0)") == [False, False, False, True]
    page.keyboard.press("Escape")
    page.evaluate("getSelection().removeAllRanges()")
    # What the browser does not allow is said.
    page.evaluate(
        "() => { navigator.clipboard.write = async () => { throw new DOMException('no', 'NotAllowedError'); }; }"
    )
    page.keyboard.press("Control+c")
    canvas.expect_alert("This browser cannot copy pictures here. Download it instead.")
