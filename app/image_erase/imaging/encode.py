"""Picture -> the bytes of a JPEG or PNG file."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from image_erase.imaging.jpeg.markers import BadJpeg
from image_erase.imaging.jpeg.result import jpeg_result
from image_erase.imaging.jpeg.splice import CannotSplice
from image_erase.imaging.metadata.png import metadata_chunks, profile_of
from image_erase.imaging.metadata.policy import Policy
from image_erase.imaging.picture import Hole, Picture, Pixels
from image_erase.imaging.png import chunks as png
from image_erase.imaging.png.writer import encoded_png

_IHDR_BYTES = 25


@dataclass(frozen=True)
class Encoded:
    """suffix: `jpg` or `png`. data: the file. reencode_reason: why a JPEG was re-encoded as a whole, else empty."""

    suffix: str
    data: bytes
    reencode_reason: str = ""


def encode_result(picture: Picture, image: Pixels, hole: Hole, *, policy: Policy, jpeg_quality: int) -> Encoded:
    """The file of a picture whose hole has been filled. image: its canvas with the hole filled.

    A JPEG becomes a JPEG in which nothing changes but the blocks that the hole touches, where that can be done; else
    it is re-encoded with the source's tables, or, where even those are beyond use, with jpeg_quality (1 to 100). All
    other formats become PNG. hole: HxW bool. policy: which metadata stays.
    """
    source = picture.source
    assert source is not None
    if picture.format != "JPEG":
        chunks = metadata_chunks(source, policy, picture.quarter_turned)
        return Encoded("png", _with_chunks(encoded_png(image, len(source.coded)), chunks))
    result = picture.with_canvas(image)
    try:
        done = jpeg_result(source, _as_pillow(result), hole, orientation=picture.orientation, policy=policy)
    except (CannotSplice, BadJpeg) as error:
        return Encoded("jpg", _jpeg(result, jpeg_quality), str(error))
    return Encoded("jpg", done.data, done.reencode_reason)


def encode_picture(picture: Picture, jpeg_quality: int) -> bytes:
    """The file of a picture that has no source: a JPEG where that is its format, else a PNG, with its profile only."""
    if picture.format == "JPEG":
        return _jpeg(picture, jpeg_quality)
    chunks = [png.chunk(*profile_of(picture.icc_profile))] if picture.icc_profile else []
    return _with_chunks(encoded_png(picture.canvas()[0]), chunks)


def _as_pillow(picture: Picture) -> NDArray[np.uint8]:
    pixels = picture.pixels.astype(np.uint8, copy=False)
    return pixels[..., 0] if picture.mode == "L" else pixels


def _jpeg(picture: Picture, quality: int) -> bytes:
    pixels = np.ascontiguousarray(picture.pixels)
    image = Image.frombuffer(picture.mode, picture.size, pixels.tobytes(), "raw", picture.mode, 0, 1)
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality, subsampling=picture.subsampling, icc_profile=picture.icc_profile)
    return target.getvalue()


def _with_chunks(file: memoryview, chunks: list[bytes]) -> bytes:
    """Put chunks behind the header, where the PNG specification wants those that colours depend on."""
    split = len(png.SIGNATURE) + _IHDR_BYTES
    return b"".join((file[:split], *chunks, file[split:]))
