"""The shapes of a mask, drawn with and without cached images."""

import json

from playwright.sync_api import Page

from support.modules import run

# Each step, the mask is drawn as it is and as a new one with the same shapes, which has kept nothing so far.
REPLAY = """
await (async () => {
  const [width, height, steps] = given;
  const pixelsOf = (mask) => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = context.strokeStyle = "#fff";
    mask.draw(context);
    return context.getImageData(0, 0, width, height).data;
  };
  const file = new OffscreenCanvas(width, height);
  Object.assign(file.getContext("2d"), { fillStyle: "#fff" }).fillRect(width / 4, 0, width / 4, height);
  const mask = new m.Mask(width, height);
  const [shapes, undone, wrong] = [[], [], []];
  steps.forEach((step, number) => {
    if (step === "undo") {
      mask.undo();
      if (shapes.length) undone.push(shapes.pop());
    } else if (step === "redo") {
      mask.redo();
      if (undone.length) shapes.push(undone.pop());
    } else {
      const shape = step.kind === "file" ? { ...step, image: file } : step;
      mask.add(shape);
      shapes.push(shape);
      undone.length = 0;
    }
    const anew = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    anew.fillStyle = anew.strokeStyle = "#fff";
    const last = shapes.findLastIndex((shape) => shape.kind === "clear");
    for (const shape of shapes.slice(last + 1)) m.drawShape(anew, shape, width, height);
    const [seen, expected] = [pixelsOf(mask), anew.getImageData(0, 0, width, height).data];
    let off = 0;
    for (let at = 3; at < seen.length; at += 4) off += Math.abs(seen[at] - expected[at]) > 2;
    if (off || mask.canUndo !== shapes.length > 0 || mask.canRedo !== undone.length > 0) wrong.push([number, off]);
  });
  return [JSON.stringify(wrong), shapes.length];
})()
"""


def shape(number: int) -> dict[str, object]:
    """One of many, of all kinds; every place is painted on again and again."""
    x, y = (number * 37) % 80, (number * 23) % 60
    if number == 115:
        return {"kind": "file"}
    if number % 29 == 28:
        return {"kind": "invert"}
    if number % 3 == 2:
        points = [{"x": x, "y": y}, {"x": x + 19, "y": y}, {"x": x + 9, "y": y + 17}]
        return {"kind": "area", "takes": number % 2 == 1, "points": points}
    points = [{"x": x, "y": y}, {"x": (x * 3) % 80, "y": (y * 5) % 60}]
    return {"kind": "stroke", "takes": number % 4 == 1, "size": 5 + number % 7, "points": points[: 1 + number % 2]}


def test_what_is_kept_of_old_shapes_is_what_they_were(page: Page) -> None:
    steps: list[object] = []
    for number in range(150):
        steps.append({"kind": "clear"} if number == 97 else shape(number))
        # Back over where old shapes begin to be kept as one image, forth again, and on with others.
        if number in (63, 64, 66, 100, 129):
            steps += ["undo"] * 7 + ["redo"] * 4
        if number in (70, 130):
            steps += ["undo"] * 80 + ["redo"] * 90
    wrong, count = run(page, "mask", REPLAY, 80, 60, steps)
    assert json.loads(wrong) == []
    assert count > 128


def test_nothing_to_undo(page: Page) -> None:
    wrong, count = run(page, "mask", REPLAY, 8, 6, ["undo", "redo", shape(0), "redo", "undo", "undo", "redo"])
    assert (json.loads(wrong), count) == ([], 1)


EMPTY = """
(() => {
  const mask = new m.Mask(8, 6);
  return given[0].map((shape) => (shape ? mask.add(shape) : mask.undo(), mask.isEmpty));
})()
"""


def test_is_empty_until_something_is_added(page: Page) -> None:
    taken, added, clear = {**shape(1), "takes": True}, {**shape(0), "takes": False}, {"kind": "clear"}
    steps = [taken, added, clear, taken, None, None, {"kind": "invert"}]
    assert run(page, "mask", EMPTY, steps) == [True, False, True, True, True, False, False]


RESIZED = """
await (async () => {
  const mask = new m.Mask(80, 60);
  for (const shape of given[0]) mask.add(shape);
  const alphas = [];
  for (const each of [mask, mask.resized(40, 30)]) {
    const { width, height } = each;
    alphas.push(new Blob([each.raster().getContext("2d").getImageData(0, 0, width, height).data]));
  }
  return alphas;
})()
"""


def test_the_same_mask_at_another_size(page: Page) -> None:
    large, small = (
        [alpha > 127 for alpha in data[3::4]] for data in run(page, "mask", RESIZED, [shape(i) for i in range(28)])
    )
    shrunk = [
        sum(large[(2 * y + j) * 80 + 2 * x + i] for i in (0, 1) for j in (0, 1)) for y in range(30) for x in range(40)
    ]
    assert len(small) == 1200
    assert sum(part in (0, 4) and (part == 4) != seen for part, seen in zip(shrunk, small, strict=True)) < 12
