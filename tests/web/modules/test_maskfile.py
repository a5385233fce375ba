"""Masks in the page: read as by the server, and written for it."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, PngImagePlugin
from playwright.sync_api import Page

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.paint import THRESHOLD, paint_of
from support.browser import OpenPage
from support.modules import BARE, Blob, Failed, run
from support.pictures import SIZE, file_of, mask_file, photo

READ = "tools.alphaOf(await m.readMask(given[0], { width: given[1], height: given[2] }))"
ENCODE = """
await (async () => {
  const [width, height, pixels] = given;
  const canvas = new OffscreenCanvas(width, height);
  const data = new Uint8ClampedArray(await pixels.arrayBuffer());
  canvas.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  return m.encodeMask(canvas);
})()
"""
PAINTING = ((20, 12, 36, 28), (40, 3, 63, 9))


def painted(mode: str, inside: Any, outside: Any) -> Image.Image:
    mask = Image.new(mode, SIZE, outside)
    for box in PAINTING:
        mask.paste(inside, box)
    return mask


def shades(mode: str) -> Image.Image:
    """Every brightness, and many colours."""
    return photo(SIZE, mode)


def clear_grey(inside: int, outside: int, transparent: int) -> bytes:
    return file_of(painted("L", inside, outside), transparency=transparent)


def palette(**options: Any) -> bytes:
    mask = painted("P", 1, 0)
    mask.putpalette([0, 0, 0, 250, 240, 230])
    return file_of(mask, **options)


def deep(high: int, low: int) -> bytes:
    return file_of(Image.fromarray(np.where(np.asarray(painted("L", 1, 0)), high, low).astype(np.uint16)))


def with_gamma() -> bytes:
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"gAMA", (100000).to_bytes(4))
    return file_of(shades("L"), pnginfo=chunks)


def turned_by_exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return file_of(painted("L", 255, 0).transpose(Image.Transpose.ROTATE_90), exif=exif)


MASKS = {
    "grey": file_of(painted("L", 255, 0)),
    "grey at the threshold": file_of(painted("L", 128, 127)),
    "all greys": file_of(shades("L")),
    "all greys, linear": with_gamma(),
    "all colours": file_of(shades("RGB")),
    "all colours, WEBP": file_of(shades("RGB"), "WEBP", lossless=True),
    "all colours, BMP": file_of(shades("RGB"), "BMP"),
    "1 bit": file_of(painted("1", 1, 0)),
    "1 bit, BMP": file_of(painted("1", 1, 0), "BMP"),
    "palette": palette(),
    "palette with transparent black": palette(transparency=0),
    "palette with transparent white": palette(transparency=1),
    "grey with a transparent black": clear_grey(255, 0, 0),
    "grey with a transparent white": clear_grey(255, 0, 255),
    "16 bits": deep(0x8000, 0x7FFF),
    "alpha has no say": file_of(painted("RGBA", (255, 255, 255, 10), (0, 0, 0, 255))),
    "white on nothing": file_of(painted("RGBA", (255, 255, 255, 255), (0, 0, 0, 0))),
    "black on nothing": file_of(painted("RGBA", (0, 0, 0, 255), (0, 0, 0, 0))),
    "white on clear white": file_of(painted("RGBA", (255, 255, 255, 255), (255, 255, 255, 0))),
    "clear white on black": file_of(painted("RGBA", (255, 255, 255, 0), (0, 0, 0, 255))),
    "black on clear white": file_of(painted("RGBA", (0, 0, 0, 255), (255, 255, 255, 0))),
    "black on clear white, WEBP": file_of(
        painted("RGBA", (0, 0, 0, 255), (255, 255, 255, 0)), "WEBP", lossless=True, exact=True
    ),
    "a red brush": file_of(painted("RGBA", (255, 0, 0, 200), (0, 0, 0, 0))),
    "a faint brush": file_of(painted("RGBA", (0, 0, 0, 127), (0, 0, 0, 0))),
    "a translucent brush": file_of(painted("RGBA", (0, 0, 0, 128), (0, 0, 0, 0))),
    "translucent all over": file_of(painted("RGBA", (0, 0, 0, 200), (0, 0, 0, 1))),
    "grey with alpha": file_of(painted("LA", (255, 255), (0, 255))),
    "all black": file_of(painted("L", 0, 0)),
    "all white": file_of(painted("L", 255, 255)),
    "opaque black with alpha": file_of(painted("RGBA", (0, 0, 0, 255), (0, 0, 0, 255))),
    "red on clear white": file_of(painted("RGBA", (255, 0, 0, 255), (255, 255, 255, 0))),
    "white at half alpha on black": file_of(painted("RGBA", (255, 255, 255, 100), (0, 0, 0, 255))),
    "values 0 and 1": file_of(painted("L", 1, 0)),
    "a dark label": file_of(painted("RGB", (128, 0, 0), (0, 0, 0))),
    "two dark labels": file_of(shades("L").point(lambda value: 1 + value % 2)),
    "turned": turned_by_exif(),
}


def hole_of(mask: bytes, size: tuple[int, int] = SIZE) -> np.ndarray:
    """What the server takes for painted. It adds a soft rim, which the page does not show."""
    picture = decode_picture(mask, 4096, "mask")
    assert picture.size == size
    return paint_of(picture) >= THRESHOLD


def read_mask(page: Page, mask: bytes, size: tuple[int, int] = SIZE) -> np.ndarray:
    """RGBA, HxWx4."""
    return np.frombuffer(run(page, "maskfile", READ, Blob(mask), *size), np.uint8).reshape(size[1], size[0], 4)


def test_reads_masks_as_the_server_does(page: Page) -> None:
    differences = {
        name: int(((read_mask(page, mask)[..., 3] == 255) != hole_of(mask)).sum()) for name, mask in MASKS.items()
    }
    assert {name: count for name, count in differences.items() if count} == {}


def test_a_browser_without_textures(open_page: OpenPage) -> None:
    page = open_page(path=BARE)
    page.evaluate("""() => {
      const { getContext } = OffscreenCanvas.prototype;
      OffscreenCanvas.prototype.getContext = function (kind, ...options) {
        return kind === "webgl2" ? null : getContext.call(this, kind, ...options);
      };
    }""")
    for name in ("white on nothing", "black on nothing", "a red brush", "a translucent brush", "alpha has no say"):
        np.testing.assert_array_equal(read_mask(page, MASKS[name])[..., 3] == 255, hole_of(MASKS[name]), name)


def test_a_mask_too_long_for_a_texture(page: Page) -> None:
    mask = Image.new("RGBA", (20_000, 2))
    mask.paste((0, 0, 0, 255), (5, 0, 19_000, 2))
    read = read_mask(page, file_of(mask), mask.size)[..., 3] == 255
    np.testing.assert_array_equal(read, np.asarray(mask)[..., 3] == 255)


@pytest.mark.parametrize("name", ["all black", "a faint brush", "values 0 and 1", "grey"])
def test_a_mask_that_erases_nothing_is_seen(page: Page, name: str) -> None:
    blank = run(
        page,
        "maskfile",
        "m.isBlank(await m.readMask(given[0], { width: given[1], height: given[2] }))",
        Blob(MASKS[name]),
        *SIZE,
    )
    assert blank == (not hole_of(MASKS[name]).any())


def test_what_is_read_is_white_or_nothing(page: Page) -> None:
    pixels = read_mask(page, MASKS["all colours"])
    assert {tuple(pixel) for pixel in pixels.reshape(-1, 4)} == {(255, 255, 255, 255), (0, 0, 0, 0)}


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_reads_jpeg_masks_nearly_as_the_server_does(page: Page, mode: str) -> None:
    mask = Image.new("L", (160, 120), 0)
    ImageDraw.Draw(mask).ellipse((30, 20, 130, 90), fill=255)
    data = file_of(mask.convert("RGB").convert(mode), "JPEG", quality=70)
    read = read_mask(page, data, mask.size)[..., 3] == 255
    # Decoders may round differently, which shows where the border is just half bright.
    assert (read != hole_of(data, mask.size)).sum() <= 5
    assert read.sum() > 1000


def test_a_mask_of_another_size(page: Page) -> None:
    with pytest.raises(Failed, match=r"^The mask is 80 \u00d7 60 pixels, the picture 64 \u00d7 48\.$"):
        read_mask(page, mask_file((80, 60)))


@pytest.mark.parametrize("data", [b"", b"no picture", mask_file()[:40]])
def test_a_mask_that_is_no_picture(page: Page, data: bytes) -> None:
    with pytest.raises(Failed, match="no picture that this browser can read"):
        read_mask(page, data)


@pytest.mark.parametrize("size", [(64, 48), (1, 1), (7, 300), (9, 257)])
def test_writes_masks_that_the_server_reads(page: Page, size: tuple[int, int]) -> None:
    alpha = np.random.default_rng(2).integers(0, 256, (size[1], size[0]), np.uint8)
    alpha.flat[0] = 128
    white = np.full((*alpha.shape, 4), 255, np.uint8)
    white[..., 3] = alpha
    written = run(page, "maskfile", ENCODE, *size, Blob(white.tobytes()))
    np.testing.assert_array_equal(hole_of(written, size), alpha >= 128)
    with Image.open(io.BytesIO(written)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "1", size)
    np.testing.assert_array_equal(read_mask(page, written, size)[..., 3] == 255, alpha >= 128)


LARGE = """
await (async () => {
  const canvas = new OffscreenCanvas(4096, 4096);
  const context = canvas.getContext("2d");
  context.lineWidth = 90;
  context.lineCap = "round";
  for (let turn = 0; turn < 40; turn++) {
    context.beginPath();
    context.arc((turn * 397) % 4096, (turn * 811) % 4096, 300 + turn * 11, turn, turn + 4);
    context.stroke();
  }
  const started = performance.now();
  const blob = await m.encodeMask(canvas);
  return [blob, performance.now() - started];
})()
"""


def test_the_largest_mask(page: Page) -> None:
    written, milliseconds = run(page, "maskfile", LARGE)
    assert milliseconds < 20_000
    assert len(written) < 300_000
    assert 0.05 < hole_of(written, (4096, 4096)).mean() < 0.95


def test_a_canvas_without_pixels_to_read(page: Page) -> None:
    with pytest.raises(Failed):
        run(page, "maskfile", "await m.encodeMask({ width: 4, height: 4, getContext: () => null })")
