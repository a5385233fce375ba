"""Picture -> the bytes of a JPEG or PNG file."""

import io
import struct
import zlib
from dataclasses import dataclass

import cv2
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

_IHDR_BYTES = 25
_GREY_ALPHA = 4
_FILTER_UP = 2


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
        return Encoded("png", _with_chunks(_png(image), chunks))
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
    return _with_chunks(_png(picture.canvas()[0]), chunks)


def _as_pillow(picture: Picture) -> NDArray[np.uint8]:
    pixels = picture.pixels.astype(np.uint8, copy=False)
    return pixels[..., 0] if picture.mode == "L" else pixels


def _jpeg(picture: Picture, quality: int) -> bytes:
    pixels = np.ascontiguousarray(picture.pixels)
    image = Image.frombuffer(picture.mode, picture.size, pixels.tobytes(), "raw", picture.mode, 0, 1)
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality, subsampling=picture.subsampling, icc_profile=picture.icc_profile)
    return target.getvalue()


def _png(image: Pixels) -> memoryview:
    """OpenCV's writer at its own defaults: naming any compression level made it twice as slow. image: a canvas."""
    if image.shape[2] == 2:
        return memoryview(_grey_alpha_png(image))
    written, data = cv2.imencode(".png", image)
    if not written:
        # The one thing that can go wrong with pixels that are as they should be.
        raise MemoryError("OpenCV could not write the PNG")
    return data.data


def _grey_alpha_png(pixels: Pixels) -> bytes:
    """Grey with alpha, which OpenCV has no PNG for. Rows are filtered against the row above (PNG filter 2)."""
    height, width = pixels.shape[:2]
    depth = pixels.dtype.itemsize * 8
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, 1 + rows.shape[1]), np.uint8)
    filtered[:, 0] = _FILTER_UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, depth, _GREY_ALPHA, 0, 0, 0)
    return b"".join(
        (
            png.SIGNATURE,
            png.chunk(b"IHDR", header),
            png.chunk(b"IDAT", zlib.compress(filtered.tobytes(), level=1)),
            png.chunk(b"IEND", b""),
        )
    )


def _with_chunks(file: memoryview, chunks: list[bytes]) -> bytes:
    """Put chunks behind the header, where the PNG specification wants those that colours depend on."""
    split = len(png.SIGNATURE) + _IHDR_BYTES
    return b"".join((file[:split], *chunks, file[split:]))
