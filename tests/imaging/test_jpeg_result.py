"""From a source and filled pixels to a result file."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from image_erase.imaging.jpeg import result as jpeg
from image_erase.imaging.jpeg import splice as jpeg_splice
from image_erase.imaging.jpeg.library import LibraryMissing, available
from image_erase.imaging.jpeg.result import JpegResult
from image_erase.imaging.metadata.policy import Policy
from support.jpegs import (
    decoded,
    filled_by_shift,
    frame_of,
    pillow_jpeg,
    psnr,
    scene,
    source_of,
)


def jpeg_result(data: bytes, *rest: Any, **options: Any) -> JpegResult:
    return jpeg.jpeg_result(source_of(data), *rest, **options)


SOURCE = pillow_jpeg(scene(96, 64), quality=85, dpi=(300, 200), comment=b"gone by default")
HOLE = np.zeros((64, 96), dtype=np.bool_)
HOLE[20:40, 30:50] = True


def test_an_empty_hole_keeps_the_coded_bytes() -> None:
    result = jpeg_result(SOURCE, decoded(SOURCE), np.zeros_like(HOLE), orientation=1, policy=Policy.COLOUR)
    assert SOURCE.endswith(result.data[30:])
    assert not result.reencode_reason
    assert b"gone" not in result.data


@pytest.mark.skipif(not available(), reason="no libturbojpeg")
def test_a_splice_keeps_metadata_and_needs_no_reason() -> None:
    filled = filled_by_shift(decoded(SOURCE), HOLE)
    result = jpeg_result(SOURCE, filled, HOLE, orientation=1, policy=Policy.ALL)
    opened = Image.open(io.BytesIO(result.data))
    assert not result.reencode_reason
    assert opened.info["comment"] == b"gone by default"
    assert opened.info["dpi"] == (300, 200)
    assert psnr(decoded(result.data), filled) > 30


@pytest.mark.skipif(not available(), reason="no libturbojpeg")
def test_a_picture_that_cannot_be_turned_is_coded_anew_and_says_so() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = pillow_jpeg(scene(96, 70), quality=85, exif=exif, dpi=(300, 200))
    upright = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(source))))
    hole = np.zeros((96, 70), dtype=np.bool_)
    hole[20:40, 30:50] = True
    result = jpeg_result(source, upright, hole, orientation=6, policy=Policy.ALL)
    opened = Image.open(io.BytesIO(result.data))
    assert "perfect" in result.reencode_reason
    assert opened.getexif()[0x0112] == 1
    assert opened.info["dpi"] == (200, 300)
    assert psnr(decoded(result.data), upright) > 32


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:0"])
def test_without_the_library_pillow_codes_with_the_same_tables(
    mode: str, sampling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> bytes:
        raise LibraryMissing("no libturbojpeg")

    monkeypatch.setattr(jpeg_splice, "transform", missing)
    source = pillow_jpeg(scene(96, 64).convert(mode), quality=77, subsampling=sampling, progressive=True)
    filled = filled_by_shift(decoded(source), HOLE)
    result = jpeg_result(source, filled, HOLE, orientation=1, policy=Policy.COLOUR)
    before, after = frame_of(source), frame_of(result.data)
    assert result.reencode_reason == "no libturbojpeg"
    assert psnr(decoded(result.data), filled) > 27
    assert after.progressive
    for one, other in zip(before.components, after.components, strict=True):
        assert np.array_equal(before.tables[one.table], after.tables[other.table])
        assert mode == "L" or (one.across, one.down) == (other.across, other.down)
