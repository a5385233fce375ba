"""POST /erase with answer=part: only what has changed comes back, and completes the source to the result."""

import io
from collections.abc import Callable
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.header import ALL_FORMATS
from support.jpegs import scene
from support.pictures import Array, boxed, file_of
from support.server import Client, Server

SIZE = (333, 250)
BOX = (150, 91, 193, 122)
PART = {"keep": "true", "answer": "part"}
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def pixels(file: bytes) -> Array:
    """The upright pixels of a file in all its bits."""
    return np.asarray(decode_picture(file, 65535, formats=ALL_FORMATS).pixels)


def place_of(answer: httpx.Response) -> dict[str, int]:
    """What the header says."""
    pairs = (each.split("=") for each in answer.headers["x-erase-part"].split(", "))
    return {name: int(number) for name, number in pairs}


def pasted(source: Array, answer: httpx.Response) -> Array:
    """The pixels of the source, completed as a client does it."""
    at, part, result = place_of(answer), pixels(answer.content), source.copy()
    inside = np.s_[at["top"] : at["top"] + at["height"], at["left"] : at["left"] + at["width"]]
    assert part[inside].shape[:2] == (at["height"], at["width"])
    result[at["y"] : at["y"] + at["height"], at["x"] : at["x"] + at["width"]] = part[inside]
    return result


def erase(client: Client, image: bytes | str, mask: bytes, **options: Any) -> httpx.Response:
    files = {"mask": ("mask.png", mask)} | ({} if isinstance(image, str) else {"image": ("image", image)})
    data = {**PART, **options, **({"image": image} if isinstance(image, str) else {})}
    answer = client.request("POST", "/erase", files=files, data=data)
    assert answer.status_code == 200, answer.content
    return answer


def mask_of(box: tuple[int, int, int, int] = BOX, size: tuple[int, int] = SIZE) -> bytes:
    return file_of(boxed(size, box))


def assert_part(client: Client, source: bytes, answer: httpx.Response) -> None:
    """The answer is a part that is smaller than the whole and completes the source to it exactly."""
    whole = client.get(answer.headers["location"])
    assert whole.status_code == 200
    assert len(answer.content) <= 0.7 * len(whole.content)
    jpeg = whole.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-type"] == ("image/jpeg" if jpeg else "image/png")
    assert int(answer.headers["content-length"]) == len(answer.content)
    np.testing.assert_array_equal(pasted(pixels(source), answer), pixels(whole.content))


def assert_whole(client: Client, answer: httpx.Response) -> None:
    assert "x-erase-part" not in answer.headers
    assert answer.content == client.get(answer.headers["location"]).content


def far_corners() -> bytes:
    near = boxed(SIZE, (0, 0, 9, 9))
    return file_of(Image.composite(near, boxed(SIZE, (320, 240, *SIZE)), near))


def jpeg(image: Image.Image | None = None, **options: Any) -> bytes:
    return file_of(image or scene(*SIZE), "JPEG", **{"quality": 90, **options})


def deep_file(suffix: str, channels: int = 3) -> bytes:
    deep = np.random.default_rng(5).integers(0, 65536, (SIZE[1], SIZE[0], 3), np.uint16)
    return cv2.imencode(suffix, deep if channels == 3 else deep[..., 0])[1].tobytes()


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(jpeg, id="4:2:0"),
        pytest.param(lambda: jpeg(subsampling=0), id="4:4:4"),
        pytest.param(lambda: jpeg(subsampling=1), id="4:2:2"),
        pytest.param(lambda: jpeg(progressive=True), id="progressive"),
        pytest.param(lambda: jpeg(scene(*SIZE).convert("L")), id="grey JPEG"),
        pytest.param(lambda: jpeg(scene(*SIZE).convert("CMYK")), id="CMYK JPEG"),
        pytest.param(lambda: jpeg(restart_marker_blocks=3), id="restarts"),
        pytest.param(lambda: file_of(scene(*SIZE)), id="PNG"),
        pytest.param(lambda: file_of(scene(*SIZE).convert("P")), id="palette"),
        pytest.param(lambda: file_of(scene(*SIZE).convert("LA")), id="grey and alpha"),
        pytest.param(lambda: file_of(scene(*SIZE), exif=exif(6)), id="turned PNG"),
        pytest.param(lambda: deep_file(".png"), id="16-bit PNG"),
        pytest.param(lambda: deep_file(".png", 1), id="16-bit grey"),
        pytest.param(lambda: deep_file(".tiff"), id="16-bit TIFF"),
        pytest.param(lambda: file_of(scene(*SIZE), "TIFF"), id="TIFF"),
        pytest.param(lambda: file_of(scene(*SIZE), "BMP"), id="BMP"),
        pytest.param(lambda: file_of(scene(*SIZE), "WEBP", lossless=True), id="lossless WebP"),
        pytest.param(lambda: file_of(scene(*SIZE), "GIF"), id="GIF"),
    ],
)
def test_completes_the_source(client: Client, make: Callable[[], bytes]) -> None:
    source, mask = make(), mask_of()
    if pixels(source).shape[:2] != SIZE[::-1]:
        mask = mask_of(size=SIZE[::-1])
    assert_part(client, source, erase(client, source, mask))


def test_completes_what_is_transparent(client: Client) -> None:
    image = scene(*SIZE).convert("RGBA")
    image.putalpha(scene(*SIZE, seed=2).convert("L"))
    source = file_of(image)
    assert_part(client, source, erase(client, source, mask_of()))


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_completes_what_gets_another_format(client: Client, kind: str) -> None:
    source = file_of(scene(*SIZE), "BMP") if kind == "webp" else jpeg(scene(1400, 900), exif=exif(8))
    mask = mask_of() if kind == "webp" else mask_of((300, 400, 340, 431), (900, 1400))
    assert_part(client, source, erase(client, source, mask, format=kind))


# At every corner and border, and at any place in the blocks.
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    x=st.integers(0, SIZE[0] - 1),
    y=st.integers(0, SIZE[1] - 1),
    width=st.integers(1, 90),
    height=st.integers(1, 70),
    subsampling=st.sampled_from([0, 1, 2]),
)
def test_completes_wherever_the_hole_is(
    client: Client, x: int, y: int, width: int, height: int, subsampling: int
) -> None:
    source = jpeg(subsampling=subsampling)
    box = (x, y, min(x + width, SIZE[0]), min(y + height, SIZE[1]))
    assert_part(client, source, erase(client, source, mask_of(box)))


def test_of_a_part(client: Client) -> None:
    """Every erasing completes the one before, whose link it names."""
    source = jpeg(exif=exif(6))
    answer = erase(client, source, mask_of(size=SIZE[::-1], box=(20, 20, 50, 50)))
    # What is turned is decoded to slightly different pixels, so the first result is needed as a whole.
    assert_whole(client, answer)
    shown = pixels(answer.content)
    for box in ((100, 150, 140, 190), (110, 40, 160, 80), (0, 300, 30, 333)):
        answer = erase(client, answer.headers["location"], mask_of(box, SIZE[::-1]))
        shown = pasted(shown, answer)
        np.testing.assert_array_equal(shown, pixels(client.get(answer.headers["location"]).content))


def test_has_the_colours_of_the_source_and_nothing_else(client: Client) -> None:
    tags = Image.Exif()
    tags[0x010F] = "Maker"
    for source in (jpeg(icc_profile=PROFILE, exif=tags), file_of(scene(*SIZE), icc_profile=PROFILE, exif=tags)):
        answer = erase(client, source, mask_of(), metadata="all")
        for file, has_exif in ((answer.content, False), (client.get(answer.headers["location"]).content, True)):
            with Image.open(io.BytesIO(file)) as image:
                assert image.info["icc_profile"] == PROFILE
                assert bool(image.getexif()) == has_exif


@pytest.mark.parametrize(
    ("make", "mask", "options"),
    [
        pytest.param(jpeg, mask_of, {"quality": "80"}, id="re-encoded"),
        pytest.param(jpeg, mask_of, {"format": "webp", "quality": "80"}, id="lossy"),
        pytest.param(lambda: file_of(scene(*SIZE), "WEBP", quality=80), mask_of, {}, id="lossy WebP"),
        pytest.param(lambda: file_of(scene(*SIZE)), mask_of, {"format": "jpeg"}, id="PNG to JPEG"),
        pytest.param(lambda: file_of(scene(*SIZE), "AVIF"), mask_of, {}, id="AVIF to JPEG"),
        pytest.param(lambda: deep_file(".png"), mask_of, {"format": "webp"}, id="16 to 8 bits"),
        pytest.param(lambda: file_of(scene(*SIZE).convert("CMYK"), "TIFF"), mask_of, {}, id="CMYK TIFF"),
        pytest.param(lambda: jpeg(exif=exif(3)), mask_of, {}, id="turned JPEG"),
        pytest.param(jpeg, far_corners, {}, id="far corners of a JPEG"),
        pytest.param(lambda: file_of(scene(*SIZE)), far_corners, {}, id="far corners of a PNG"),
    ],
)
def test_where_there_is_none_the_whole_is_sent(
    client: Client, make: Callable[[], bytes], mask: Callable[[], bytes], options: dict[str, str]
) -> None:
    assert_whole(client, erase(client, make(), mask(), **options))


@pytest.mark.parametrize("make", [jpeg, lambda: file_of(scene(*SIZE))], ids=["JPEG", "PNG"])
def test_where_nothing_is_erased_it_is_tiny(client: Client, make: Callable[[], bytes]) -> None:
    source = make()
    answer = erase(client, source, file_of(boxed(SIZE, (0, 0, 0, 0))))
    assert len(answer.content) < 3000
    assert_part(client, source, answer)


def test_is_kept_as_a_whole_and_exposed_to_pages(client: Client, server: Server) -> None:
    before = len(server.results)
    answer = erase(client, jpeg(), mask_of())
    assert len(server.results) == before + 1
    assert "X-Erase-Part" in answer.headers["access-control-expose-headers"].split(", ")
    again = erase(client, jpeg(), mask_of(), answer="whole")
    assert_whole(client, again)
    assert again.content == client.get(answer.headers["location"]).content


@pytest.mark.parametrize("options", [{}, {"keep": "false"}, {"keep": ""}])
def test_needs_a_whole_that_is_kept(client: Client, options: dict[str, str]) -> None:
    files = {"image": jpeg(), "mask": mask_of()}
    for data, params in (({"answer": "part"}, options), (options, {"answer": "part"})):
        answer = client.request("POST", "/erase", files=files, data=data, params=params)
        assert answer.status_code == 400
        problem = answer.json()
        assert (problem["type"], problem["field"]) == ("tag:image-erase,2026:invalid-option", "answer")
        assert "keep" in problem["detail"]


def test_options_may_be_in_the_query_and_in_the_form(client: Client) -> None:
    files = {"image": jpeg(), "mask": mask_of()}
    answer = client.request("POST", "/erase", files=files, data={"keep": "true"}, params={"answer": "part"})
    assert_part(client, files["image"], answer)
