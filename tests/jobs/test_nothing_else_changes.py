"""Outside the hole a result is its source: pixels, depth, colours, size."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin
from PIL.JpegImagePlugin import JpegImageFile

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.failures import ImagingFailure
from image_erase.imaging.png import chunks as png
from image_erase.jobs.job import ErasedFile, erase_file, make_eraser
from image_erase.jobs.options import JobOptions
from support.pictures import file_of
from support.server import Server, StartServer

SHARED = Path(__file__).parents[3] / "shared"
WIDTH, HEIGHT = 203, 149
# A block of a 4:2:0 JPEG is 16 pixels wide, and its colour reaches one sample, 2 pixels, further.
REACH = 18
FILES = st.sampled_from(["L", "RGB", "CMYK"])


def scene(mode: str) -> Image.Image:
    """Smooth ground with some texture: what JPEGs are made of."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    noise = np.random.default_rng(1).normal(0, 6, (HEIGHT, WIDTH, 3))
    planes = np.stack([90 + 60 * np.sin(x / 17), 120 + 50 * np.cos(y / 11), 60 + x * 0.6], 2) + noise
    return Image.fromarray(np.clip(planes, 0, 255).astype(np.uint8)).convert(mode)


def box(left: int, top: int, width: int, height: int) -> NDArray[np.bool_]:
    hole = np.zeros((HEIGHT, WIDTH), np.bool_)
    hole[top : top + height, left : left + width] = True
    return hole


HOLE = box(70, 50, 30, 24)


def erased(image: bytes, hole: NDArray[np.bool_], **options: Any) -> ErasedFile:
    own = JobOptions(**{"engine": "opencv", **options})
    mask = file_of(Image.fromarray(hole))
    return erase_file(image, mask, own, make_eraser(own), time_left=lambda: 60.0)


def decoded(data: bytes) -> list[NDArray[np.uint8]]:
    """As Pillow sees it, and as OpenCV does."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image)
    return [pixels, np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)]


def assert_equal_but_near(hole: NDArray[np.bool_], before: bytes, after: bytes) -> None:
    near = cv2.dilate(hole.view(np.uint8), np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)) > 0
    for one, other in zip(decoded(before), decoded(after), strict=True):
        np.testing.assert_array_equal(other[~near], one[~near])


@settings(max_examples=40, deadline=None)
@given(
    mode=FILES,
    subsampling=st.sampled_from([0, 1, 2]),
    progressive=st.booleans(),
    quality=st.sampled_from([40, 75, 92]),
    restart=st.sampled_from([0, 5]),
    hole=st.tuples(st.integers(0, WIDTH - 2), st.integers(0, HEIGHT - 2), st.integers(1, 60), st.integers(1, 60)),
)
def test_jpeg(
    mode: str, subsampling: int, progressive: bool, quality: int, restart: int, hole: tuple[int, int, int, int]
) -> None:
    coded = {"quality": quality, "subsampling": subsampling, "progressive": progressive}
    before = file_of(scene(mode), "JPEG", restart_marker_blocks=restart, **coded)
    done = erased(before, box(*hole))
    assert done.facts.reencode_reason is None
    assert_equal_but_near(box(*hole), before, done.data)


def test_jpeg_keeps_tables_mode_and_size() -> None:
    before = file_of(scene("RGB"), "JPEG", quality=61, progressive=True)
    after = erased(before, HOLE).data
    with Image.open(io.BytesIO(before)) as source, Image.open(io.BytesIO(after)) as result:
        assert isinstance(source, JpegImageFile)
        assert isinstance(result, JpegImageFile)
        assert result.quantization == source.quantization
        assert result.info["progressive"]
        assert result.layer == source.layer
    assert abs(len(after) / len(before) - 1) < 0.05


def test_jpeg_without_a_hole_is_the_same_bytes() -> None:
    before = file_of(scene("RGB"), "JPEG", quality=61)
    assert erased(before, np.zeros_like(HOLE)).data == before


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_jpeg_is_turned_without_loss_where_its_blocks_allow(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    whole_blocks = scene("RGB").crop((0, 0, 192, 144))
    before = file_of(whole_blocks, "JPEG", quality=80, exif=exif)
    size = decode_picture(before, 4096).size
    done = erased(before, np.zeros(size[::-1], np.bool_))
    assert done.facts.reencode_reason is None
    with Image.open(io.BytesIO(done.data)) as result:
        assert result.size == size
        assert not result.getexif()


def test_a_jpeg_that_cannot_be_turned_says_why() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    done = erased(file_of(scene("RGB"), "JPEG", exif=exif), HOLE.T)
    assert done.facts.reencode_reason
    assert decode_picture(done.data, 4096).size == (HEIGHT, WIDTH)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png(dtype: type, channels: int) -> None:
    pixels = np.random.default_rng(4).integers(0, np.iinfo(dtype).max, (HEIGHT, WIDTH, channels), dtype)
    before = cv2.imencode(".png", pixels)[1].tobytes()
    read = cv2.imdecode(np.frombuffer(erased(before, HOLE).data, np.uint8), cv2.IMREAD_UNCHANGED)
    after = np.asarray(read).reshape(HEIGHT, WIDTH, -1)
    assert after.dtype == dtype
    np.testing.assert_array_equal(after[~HOLE], pixels[~HOLE])


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_the_colour_of_transparent_pixels_survives(file_format: str) -> None:
    pixels = np.dstack([np.asarray(scene("RGB")), np.zeros((HEIGHT, WIDTH), np.uint8)])
    options = {"lossless": True, "exact": True} if file_format == "WEBP" else {}
    after = erased(file_of(Image.fromarray(pixels), file_format, **options), HOLE)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(after.data)))[~HOLE], pixels[~HOLE])


def test_every_picture_of_the_corpus() -> None:
    files = [*(SHARED / "corpus").rglob("*.png"), *(SHARED / "corpus").rglob("*.webp")]
    if not files:
        pytest.skip("the corpus is not here")
    for file in files:
        try:
            before = decode_picture(file.read_bytes(), 4096)
        except ImagingFailure:
            continue
        height, width = before.pixels.shape[:2]
        hole = np.zeros((height, width), np.bool_)
        hole[: max(1, height // 3), : max(1, width // 3)] = True
        if hole.all():
            continue
        after = decode_picture(erased(file.read_bytes(), hole).data, 4096)
        assert (after.mode, after.pixels.dtype) == (before.mode, before.pixels.dtype), file.name
        np.testing.assert_array_equal(after.pixels[~hole], before.pixels[~hole], file.name)


def chunk_kinds(data: bytes) -> list[bytes]:
    return [chunk.kind for chunk in png.raw_chunks(data)]


def described_png() -> bytes:
    """A PNG that says much of itself."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", (45455).to_bytes(4, "big"))
    info.add(b"sRGB", b"\0")
    info.add_text("Author", "somebody")
    info.add_text("Raw profile type exif", "thumbnail")
    info.add_itxt("XML:com.adobe.xmp", "<x tiff:Orientation='6'/>")
    return file_of(scene("RGB"), "PNG", pnginfo=info, exif=exif, dpi=(72, 144))


def test_png_metadata_that_colours_need() -> None:
    after = erased(described_png(), HOLE.T).data
    assert chunk_kinds(after)[1:4] == [b"gAMA", b"sRGB", b"pHYs"]
    assert not {b"eXIf", b"tEXt", b"iTXt"} & set(chunk_kinds(after))
    with Image.open(io.BytesIO(after)) as image:
        assert image.info["dpi"] == pytest.approx((144, 72), abs=0.1)


def test_all_png_metadata_but_previews() -> None:
    after = erased(described_png(), HOLE.T, metadata="all").data
    with Image.open(io.BytesIO(after)) as image:
        image.load()
        assert image.info["Author"] == "somebody"
        assert image.getexif()[0x0112] == 1
        assert image.getexif()[0x010F] == "a camera"
    assert b"Raw profile" not in after
    assert b"tiff:Orientation='1'" in after


@pytest.mark.parametrize(("policy", "kept"), [("colour", False), ("all", True)])
def test_metadata_of_a_webp(policy: str, kept: bool) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    before = file_of(scene("RGB"), "WEBP", exif=exif, icc_profile=b"profile", lossless=True)
    with Image.open(io.BytesIO(erased(before, HOLE, metadata=policy).data)) as image:
        image.load()
        assert image.info["icc_profile"] == b"profile"
        assert (0x010F in image.getexif()) is kept


@pytest.mark.parametrize(("policy", "kept"), [("colour", False), ("all", True)])
def test_through_the_server(start_server: StartServer, policy: str, kept: bool) -> None:
    own: Server = start_server(metadata=policy)
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    before = file_of(scene("RGB"), "JPEG", exif=exif, quality=70)
    answer = own.client.erase(before, file_of(Image.fromarray(HOLE)))
    after = own.client.get(answer.json()["data"]["image_url"]).content
    assert_equal_but_near(HOLE, before, after)
    assert (b"a camera" in after) is kept
