"""Picture -> the bytes of a JPEG or PNG file."""

import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image

from app.imaging import png
from app.imaging.picture import Picture, Pixels

_IHDR_BYTES = 25
_GREY_ALPHA = 4
_FILTER_UP = 2


def encode_picture(picture: Picture, jpeg_quality: int) -> tuple[str, bytes]:
    """The picture's file name suffix (`jpg` or `png`) and its file. JPEGs stay JPEGs, the rest becomes PNG.

    Orientation and all other metadata are gone, the ICC profile stays. jpeg_quality: 1 to 100.
    """
    if picture.format == "JPEG":
        return "jpg", _jpeg(picture, jpeg_quality)
    return "png", _with_profile(_png(picture.pixels), picture.icc_profile)


def _jpeg(picture: Picture, quality: int) -> bytes:
    pixels = np.ascontiguousarray(picture.pixels)
    image = Image.frombuffer(picture.mode, picture.size, pixels.tobytes(), "raw", picture.mode, 0, 1)
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality, subsampling=picture.subsampling, icc_profile=picture.icc_profile)
    return target.getvalue()


def _png(pixels: Pixels) -> bytes:
    """OpenCV's writer at its own defaults: naming any compression level made it twice as slow."""
    channels = pixels.shape[2]
    if channels == 2:
        return _grey_alpha_png(pixels)
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    written, data = cv2.imencode(".png", pixels[..., order])
    if not written:
        # The one thing that can go wrong with pixels that are as they should be.
        raise MemoryError("OpenCV could not write the PNG")
    return data.tobytes()


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


def _with_profile(file: bytes, profile: bytes | None) -> bytes:
    """Put the ICC profile behind the header, where the PNG specification wants it."""
    if not profile:
        return file
    split = len(png.SIGNATURE) + _IHDR_BYTES
    return file[:split] + png.chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)) + file[split:]
