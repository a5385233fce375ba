"""A PNG with a palette, or with few levels of grey, stays one: the same colours, all known pixels, a similar size."""

import io
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from image_erase.imaging.png.chunks import raw_chunks
from image_erase.jobs.job import ErasedFile, erase_file, make_eraser
from image_erase.jobs.options import JobOptions
from image_erase.jobs.request import JobRequest
from support.pictures import file_of

SIZE = 203, 120  # no multiple of the pixels in a byte
ERASER = make_eraser(JobOptions(engine="exemplar"))


def photo() -> Image.Image:
    """Soft blobs and some grain."""
    rng = np.random.default_rng(4)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 13, 3)).astype(np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    return Image.fromarray(np.clip(np.asarray(coarse) + rng.normal(0, 4, (*SIZE[::-1], 3)), 0, 255).astype(np.uint8))


def hole() -> NDArray[np.bool_]:
    place = np.zeros(SIZE[::-1], np.bool_)
    place[30:75, 60:121] = True
    return place


def grey(bits: int) -> bytes:
    """A picture of 2 ** bits levels, which Pillow writes with so many bits."""
    image = photo().convert("L").point(lambda value: value >> (8 - bits))
    if bits == 1:
        return file_of(photo().convert("1"))
    step = 255 // (2**bits - 1)
    target = io.BytesIO()
    image.point(lambda value: value * step).save(target, "PNG", bits=bits)
    return target.getvalue()


def transparent() -> bytes:
    image = photo().quantize(30)
    target = io.BytesIO()
    image.save(target, "PNG", transparency=bytes([0, 128, 7] + [255] * 20))
    return target.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[274] = 6
    return file_of(photo().quantize(60), exif=exif)


FILES: dict[str, Callable[[], bytes]] = {
    "256 colours": lambda: file_of(photo().quantize(256)),
    "100 colours": lambda: file_of(photo().quantize(100)),
    "16 colours": lambda: file_of(photo().quantize(16)),
    "4 colours": lambda: file_of(photo().quantize(4)),
    "2 colours": lambda: file_of(photo().quantize(2)),
    "dots": lambda: file_of(photo().convert("P")),
    "one colour": lambda: file_of(Image.new("P", SIZE, 0)),
    "1 bit of grey": lambda: grey(1),
    "2 bits of grey": lambda: grey(2),
    "4 bits of grey": lambda: grey(4),
    "transparent": transparent,
    "turned": turned,
}


@cache
def made(name: str) -> bytes:
    return FILES[name]()


def erased(data: bytes, **request: Any) -> ErasedFile:
    upright = hole()
    with Image.open(io.BytesIO(data)) as image:
        if image.getexif().get(274):
            upright = np.rot90(upright, -1)
    mask = file_of(Image.fromarray(upright.astype(np.uint8) * 255))
    return erase_file(data, mask, JobOptions(), ERASER, JobRequest(**request), time_left=lambda: 60.0)


def header(data: bytes) -> tuple[int, int]:
    """Depth and colour type."""
    return data[24], data[25]


def palette(data: bytes) -> list[bytes]:
    return [bytes(each.raw) for each in raw_chunks(data) if each.kind in (b"PLTE", b"tRNS")]


def pixels(data: bytes) -> NDArray[np.uint8]:
    """RGBA, upright."""
    with Image.open(io.BytesIO(data)) as image:
        orientation = image.getexif().get(274)
        shown = np.asarray(image.convert("RGBA"))
    return np.rot90(shown, -1) if orientation == 6 else shown


@pytest.mark.parametrize("name", FILES)
def test_it_stays_one(name: str) -> None:
    source = made(name)
    result = erased(source)
    assert header(result.data) == header(source)
    assert palette(result.data) == palette(source)
    before, after = pixels(source), pixels(result.data)
    place = np.rot90(hole(), -1) if name == "turned" else hole()
    np.testing.assert_array_equal(before[~place], after[~place])
    assert np.array_equal(before, after) == (name == "one colour")
    assert len(result.data) <= 1.25 * len(source) + 100


@pytest.mark.parametrize("name", ["256 colours", "1 bit of grey", "transparent", "turned"])
def test_the_changed_part_has_the_same_pixels(name: str) -> None:
    source = made(name)
    result = erased(source, part=True)
    place = result.place
    assert place
    whole, part = pixels(result.data), pixels(result.part)
    rows, columns = slice(place.y, place.y + place.height), slice(place.x, place.x + place.width)
    assert header(result.part) == header(source)
    np.testing.assert_array_equal(part, whole[rows, columns])
    pasted = pixels(source).copy()
    pasted[rows, columns] = part
    np.testing.assert_array_equal(pasted, whole)


def test_others_stay_what_they_are() -> None:
    assert header(erased(file_of(photo())).data) == (8, 2)
    assert header(erased(file_of(photo().convert("L"))).data) == (8, 0)
    gif = erased(file_of(photo().quantize(16), "GIF"), formats=("GIF", "PNG"))
    assert header(gif.data) == (8, 2)
