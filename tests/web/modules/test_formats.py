"""Picture files in the page: recognised, written, made smaller."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from image_erase.imaging.decode import decode_picture
from support.browser import OpenPage
from support.modules import BARE, Blob, Failed, run
from support.pictures import SIZE, file_of, photo, photo_file, pixels_of

IN_FORMAT = """
await (async () => {
  const { blob, extension } = await m.inFormatOf(given[0], given[1]);
  return [blob, extension, blob.type];
})()
"""
SHRINK = """
await (async () => {
  const { blob, width, height } = await m.shrink(...given);
  return [blob, width, height];
})()
"""


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (photo_file("JPEG"), "jpeg"),
        (photo_file("PNG"), "png"),
        (photo_file("BMP"), "bmp"),
        (photo_file("WEBP"), "webp"),
        (photo_file("GIF"), "gif"),
        (photo_file("AVIF"), "avif"),
        (b"\0\0\0\x18ftypheic", "heic"),
        (b"\0\0\0\x18ftypisom", None),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"\x89PN", None),
        (b"", None),
    ],
)
def test_tells_formats_apart(page: Page, data: bytes, found: str | None) -> None:
    assert run(page, "formats", "await m.formatOf(given[0])", Blob(data, "wrong.gif")) == found


@pytest.mark.parametrize(
    ("source", "result", "extension"), [("jpeg", "JPEG", "jpg"), ("png", "PNG", "png"), (None, "PNG", "png")]
)
def test_the_servers_bytes_stay(page: Page, source: str | None, result: str, extension: str) -> None:
    data = photo_file(result)
    assert run(page, "encoding", IN_FORMAT, source, Blob(data))[:2] == [data, extension]


@pytest.mark.parametrize("width", [1, 2, 3, 4, 61])
def test_bmp(page: Page, width: int) -> None:
    data = photo_file("PNG", (width, 5))
    written, extension, media_type = run(page, "encoding", IN_FORMAT, "bmp", Blob(data))
    assert (extension, media_type, written[:2]) == ("bmp", "image/bmp", b"BM")
    assert int.from_bytes(written[2:6], "little") == len(written)
    np.testing.assert_array_equal(pixels_of(written), pixels_of(data))
    np.testing.assert_array_equal(decode_picture(written, 4096).pixels, pixels_of(data))


def translucent() -> bytes:
    """Transparency that a canvas, which multiplies colours by it, keeps to the bit."""
    pixels = np.array(photo(SIZE, "RGBA"))
    pixels[..., 3] = 255
    pixels[:10] = 0
    return file_of(Image.fromarray(pixels))


def test_bmp_with_transparency(page: Page) -> None:
    data = translucent()
    written, _, _ = run(page, "encoding", IN_FORMAT, "bmp", Blob(data))
    np.testing.assert_array_equal(pixels_of(written), pixels_of(data))
    np.testing.assert_array_equal(decode_picture(written, 4096).pixels, pixels_of(data))


@pytest.mark.parametrize("data", [photo_file(), translucent()], ids=["opaque", "translucent"])
def test_webp(page: Page, data: bytes) -> None:
    written, extension, media_type = run(page, "encoding", IN_FORMAT, "webp", Blob(data))
    assert (extension, media_type) == ("webp", "image/webp")
    np.testing.assert_array_equal(pixels_of(written), pixels_of(data))


def test_a_browser_that_writes_no_webp(open_page: OpenPage) -> None:
    page = open_page(path=BARE)
    page.evaluate("""() => {
      const original = OffscreenCanvas.prototype.convertToBlob;
      OffscreenCanvas.prototype.convertToBlob = function () { return original.call(this, { type: "image/png" }); };
    }""")
    data = photo_file()
    assert run(page, "encoding", IN_FORMAT, "webp", Blob(data))[:2] == [data, "png"]
    smaller, width, _ = run(page, "encoding", SHRINK, Blob(file_of(photo((300, 200), "RGBA"))), 50_000)
    assert len(smaller) <= 50_000
    assert smaller.startswith(b"\x89PNG")
    assert width < 300


def test_what_is_small_enough_is_written_anew(page: Page) -> None:
    """The server may be unable to read what the browser can."""
    written, *size = run(page, "encoding", SHRINK, Blob(photo_file("GIF")), 1 << 20)
    assert written.startswith(b"\xff\xd8\xff")
    assert size == list(SIZE)
    assert decode_picture(written, 4096).pixels.shape == (SIZE[1], SIZE[0], 3)


@pytest.mark.parametrize(
    ("image", "max_bytes", "same_size", "kind"),
    [
        (photo((320, 240)), 50_000, True, "JPEG"),
        (photo((320, 240)), 8_000, False, "JPEG"),
        (photo((320, 240)), 1_000, False, "JPEG"),
        (photo((320, 240), "RGBA"), 8_000, False, "WEBP"),
    ],
)
def test_shrinks(page: Page, image: Image.Image, max_bytes: int, same_size: bool, kind: str) -> None:
    data = file_of(image)
    smaller, width, height = run(page, "encoding", SHRINK, Blob(data), max_bytes)
    assert max_bytes / 4 < len(smaller) <= max_bytes
    with Image.open(io.BytesIO(smaller)) as result:
        assert (result.format, result.size) == (kind, (width, height))
        assert result.has_transparency_data == image.has_transparency_data
    assert ((width, height) == image.size) == same_size
    assert abs(width * image.height - height * image.width) < image.width


def test_shrinks_to_a_longest_side(page: Page) -> None:
    _, width, height = run(page, "encoding", SHRINK, Blob(photo_file("PNG", (640, 320))), 1 << 20, 160)
    assert (width, height) == (160, 80)


def test_what_cannot_be_shrunk(page: Page) -> None:
    with pytest.raises(Failed, match="No picture has only 10 bytes"):
        run(page, "encoding", SHRINK, Blob(photo_file()), 10)
    with pytest.raises(Failed, match="cannot read this file as a picture"):
        run(page, "encoding", SHRINK, Blob(b"no picture"), 1 << 20)
    with pytest.raises(Failed, match="cannot read this file as a picture"):
        run(page, "encoding", IN_FORMAT, "bmp", Blob(b"no picture"))
