"""The largest pictures: the work per movement of the pointer does not grow with them."""

import io

import numpy as np
import pytest
from PIL import Image

from support.editor import Editor
from support.pictures import file_of

SIDE = 4096
MOVES = 80
# Counts frames, and notes how many pixels the pictures have that are drawn on what is seen.
WATCH = """() => {
  globalThis.frames_ = 0;
  globalThis.drawn = [];
  const count = () => requestAnimationFrame(() => (globalThis.frames_++, count()));
  count();
  const { drawImage } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.drawImage = function (source, ...where) {
    globalThis.drawn.push(source.width * source.height);
    return drawImage.call(this, source, ...where);
  };
}"""


def test_painting_draws_no_more_than_is_seen(editor: Editor) -> None:
    line = np.arange(SIDE, dtype=np.uint16)
    page = editor.page
    editor.open(file_of(Image.fromarray(((line + line[:, None]) // 32).astype(np.uint8)), "JPEG"), "large.jpg")
    page.evaluate(WATCH)
    editor["size"].fill("30")
    page.mouse.move(*editor.at((400, 400)))
    page.mouse.down()
    for move in range(MOVES):
        page.mouse.move(*editor.at((400 + move * 40, 2048 + 1600 * np.sin(move / 4))))
    frames, drawn = page.evaluate("[frames_, drawn]")
    page.mouse.up()
    # It is seen while it grows, on the busiest of machines too.
    assert frames >= 5
    # The stroke is drawn alone; the picture under it stays as it is.
    assert drawn == []

    editor["zoom-in"].click()
    editor.drawn()
    seen = [
        page.evaluate("(name) => document.getElementById(name).width * document.getElementById(name).height", name)
        for name in ("picture", "mask", "draft")
    ]
    box = editor["stage"].bounding_box()
    assert seen == [pytest.approx(box["width"] * box["height"], rel=0.01)] * 3
    # Of the picture's sizes, one with less than twice the detail that is shown on each side.
    scale = int(editor["zoom-value"].text_content().split()[0]) / 100
    drawn = page.evaluate("drawn")
    assert drawn
    assert max(drawn) < 4 * (SIDE * (scale + 0.01)) ** 2

    with Image.open(io.BytesIO(editor.saved("mask-save")[1])) as mask:
        assert mask.size == (SIDE, SIDE)
        assert 0.01 < np.asarray(mask).mean() < 0.5
