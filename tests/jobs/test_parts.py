"""A JPEG of which only a part is decoded gives the result that the whole gives."""

import io
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from image_erase.erasure.eraser import Eraser, EraserOptions
from image_erase.erasure.regions import Box
from image_erase.imaging.area import area_of
from image_erase.imaging.decode import open_picture
from image_erase.imaging.failures import BrokenFile
from image_erase.imaging.jpeg import library
from image_erase.imaging.picture import turned
from image_erase.jobs.job import ErasedFile, erase_file
from image_erase.jobs.options import JobOptions
from support.jpegs import pillow_jpeg, scene
from support.pictures import file_of

pytestmark = pytest.mark.skipif(
    not (library.available() and library.complete()), reason="no libturbojpeg, or one older than 3.1"
)
WIDTH, HEIGHT = 640, 480
OPTIONS = JobOptions(engine="opencv")


class Everything(Eraser):
    """An eraser that asks for the whole picture."""

    def reach(self, hole: np.ndarray) -> Box:
        return slice(0, hole.shape[0]), slice(0, hole.shape[1])


def erased(eraser: type[Eraser], image: bytes, hole: np.ndarray) -> ErasedFile:
    mask = file_of(Image.fromarray(hole))
    return erase_file(image, mask, OPTIONS, eraser(EraserOptions("opencv")), time_left=lambda: 60.0)


def jpeg(orientation: int = 1, size: tuple[int, int] = (WIDTH, HEIGHT), mode: str = "RGB", **options: Any) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return pillow_jpeg(scene(*size).convert(mode), quality=85, exif=exif, **options)


def hole_in(size: tuple[int, int], top: int, left: int) -> np.ndarray:
    hole = np.zeros(size[::-1], np.bool_)
    hole[top : top + 30, left : left + 40] = True
    return hole


def assert_same(image: bytes, top: int = 100, left: int = 200) -> ErasedFile:
    file = open_picture(image, 4096)
    hole = hole_in(file.size, top, left)
    part = file.decoded(Eraser(EraserOptions("opencv")).reach(hole)).part
    done, whole = (erased(each, image, hole) for each in (Eraser, Everything))
    assert done.data == whole.data
    assert done.facts.reencode_reason == whole.facts.reencode_reason
    assert part is not None
    return done


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation(orientation: int) -> None:
    assert assert_same(jpeg(orientation)).facts.reencode_reason is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_grid_that_does_not_fit_is_re_encoded_as_a_whole(orientation: int) -> None:
    done = assert_same(jpeg(orientation, (WIDTH - 3, HEIGHT - 5)))
    assert (done.facts.reencode_reason is None) == (orientation in (1, 5))


@pytest.mark.parametrize("options", [{"subsampling": 0}, {"subsampling": 1}, {"progressive": True}, {"mode": "L"}])
@pytest.mark.parametrize(("top", "left"), [(0, 0), (HEIGHT - 31, WIDTH - 42), (200, 11)])
def test_every_kind_and_place(options: dict[str, Any], top: int, left: int) -> None:
    assert_same(jpeg(**options), top, left)


def test_damage_far_from_the_hole_is_seen() -> None:
    image = bytearray(jpeg(restart_marker_blocks=7))
    at = len(image) * 9 // 10
    image[at : at + 60] = bytes(60)
    assert assert_same(bytes(image)).facts.reencode_reason


def test_a_file_that_breaks_off_far_from_the_hole_is_refused() -> None:
    image = jpeg()
    with pytest.raises(BrokenFile):
        erased(Eraser, image[: len(image) * 9 // 10], hole_in((WIDTH, HEIGHT), 100, 200))


@settings(max_examples=60, deadline=None)
@given(
    orientation=st.integers(1, 8),
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    corner=st.tuples(st.integers(0, 199), st.integers(0, 199)),
    length=st.tuples(st.integers(1, 90), st.integers(1, 90)),
)
def test_the_stored_part_turned_upright_is_the_upright_part(
    orientation: int, size: tuple[int, int], corner: tuple[int, int], length: tuple[int, int]
) -> None:
    stored = np.arange(size[0] * size[1]).reshape(size[1], size[0])
    upright = turned(stored, orientation)
    starts = [min(at, most - 1) for at, most in zip(corner, upright.shape, strict=True)]
    stops = [min(at + by, most) for at, by, most in zip(starts, length, upright.shape, strict=True)]
    part = slice(starts[0], stops[0]), slice(starts[1], stops[1])
    area = area_of(part, size, orientation)
    if area is None:
        return
    np.testing.assert_array_equal(turned(stored[area.stored], orientation), upright[area.upright])
    assert set(upright[part].flat) <= set(upright[area.upright].flat)


def test_the_result_is_whole() -> None:
    image = jpeg()
    hole = hole_in((WIDTH, HEIGHT), 100, 200)
    before, after = (np.asarray(Image.open(io.BytesIO(data))) for data in (image, erased(Eraser, image, hole).data))
    far = cv2.dilate(hole.view(np.uint8), np.ones((37, 37), np.uint8)) == 0
    np.testing.assert_array_equal(after[far], before[far])
