"""A picture file -> Picture: sniff, check the header, decode upright."""

import io
import warnings
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, JpegImagePlugin

from image_erase.imaging.bmp import rle
from image_erase.imaging.failures import (
    BrokenFile,
    SideTooLong,
    SideTooShort,
    Subject,
    TooManyPixels,
    UnsupportedFormat,
)
from image_erase.imaging.header import FORMATS, claimed_size, format_of
from image_erase.imaging.jpeg.pixels import decoded_pixels
from image_erase.imaging.limits import TooCostly
from image_erase.imaging.picture import Picture, Pixels, turned
from image_erase.imaging.reader import read_source
from image_erase.imaging.source import Source

# The sides are checked here, on the header; Pillow's own limit would only add a second, looser one.
Image.MAX_IMAGE_PIXELS = None
rle.use()

# Peak memory of decoding, in bytes per pixel.
_DECODER_BYTES = 32
_PNG_GREY, _PNG_GREY_ALPHA, _PNG_TRUECOLOUR_ALPHA = 0, 4, 6
# Pillow mode -> working mode. Images with transparency get an alpha channel in addition.
_MODES = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "RGB": "RGB", "RGBX": "RGB", "RGBA": "RGBA", "RGBa": "RGBA"}
_MODES |= {"P": "RGB", "PA": "RGBA", "CMYK": "CMYK", "YCbCr": "RGB"}


def decode_picture(
    data: bytes,
    max_side: int,
    subject: Subject = "image",
    *,
    formats: Sequence[str] = FORMATS,
    min_side: int = 1,
    max_pixels: int | None = None,
) -> Picture:
    """Decode a JPEG, PNG, BMP or WEBP file, the first frame of an animation.

    max_side: longest side in pixels that is decoded at all. formats: those that are taken, out of the four.
    min_side: the fewest pixels that a side may have. max_pixels: the most that the picture may have; None for no limit.
    Raises UnsupportedFormat, SideTooLong, SideTooShort, TooManyPixels (all before any pixel is decoded) or BrokenFile;
    MemoryError passes through.
    """
    file_format = format_of(data)
    if file_format is None or file_format not in formats:
        raise UnsupportedFormat(subject, f"The file is none of {', '.join(formats[:-1])} and {formats[-1]}.")
    refuse_large(claimed_size(data, file_format), max_side, max_pixels, subject)
    try:
        source = read_source(data, file_format)
        file = io.BytesIO(source.coded)
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=[file_format]) as image:
            refuse_large(image.size, max_side, max_pixels, subject)
            refuse_short_side(image.size, min_side, subject)
            require_memory(image.size)
            return _decoded(image, source)
    except (SideTooLong, SideTooShort, TooManyPixels, MemoryError):
        raise
    except TooCostly as what:
        raise BrokenFile(subject, f"The {file_format} file has too many {what}.") from None
    except Exception as error:
        # Decoders raise many kinds of exceptions for damaged files; all of them mean that the file is damaged.
        raise BrokenFile(subject, f"The {file_format} file is damaged or incomplete.") from error


def refuse_large(size: tuple[int, int] | None, max_side: int, max_pixels: int | None, subject: Subject) -> None:
    """Raise SideTooLong where width or height is over max_side pixels, TooManyPixels where both together are too many.

    A size of None is not known yet.
    """
    if size and max(size) > max_side:
        raise SideTooLong(subject, f"The file is {size[0]}x{size[1]}, a side may have at most {max_side} pixels.")
    if size and max_pixels and size[0] * size[1] > max_pixels:
        raise TooManyPixels(subject, f"The file is {size[0]}x{size[1]}, it may have at most {max_pixels} pixels.")


def refuse_short_side(size: tuple[int, int], min_side: int, subject: Subject) -> None:
    """Raise SideTooShort where width or height is under min_side pixels."""
    if min(size) < min_side:
        raise SideTooShort(subject, f"The file is {size[0]}x{size[1]}, a side must have at least {min_side} pixels.")


def require_memory(size: tuple[int, int]) -> None:
    """Raise MemoryError where there is no room for decoding width x height pixels.

    Asked for at once, because a decoder that runs out of memory half-way may call the file broken.
    """
    np.empty(size[0] * size[1] * _DECODER_BYTES, np.uint8)


def _decoded(image: Image.Image, source: Source) -> Picture:
    mode, pixels = _as_canvas(image, source) or _by_pillow(image, source)
    return Picture(pixels, mode, source.format, source.icc_profile, _subsampling(image), source.orientation, source)


def _as_canvas(image: Image.Image, source: Source) -> tuple[str, Pixels] | None:
    """A JPEG without a copy of its pixels: decoded as BGR, which RGB is a view of. None where Pillow has to decode."""
    if source.format != "JPEG" or image.mode not in ("L", "RGB"):
        return None
    stored = decoded_pixels(source.coded, *image.size, len(image.getbands()))
    if stored is None:
        return None
    return image.mode, np.ascontiguousarray(turned(stored, source.orientation))[..., ::-1]


def _by_pillow(image: Image.Image, source: Source) -> tuple[str, Pixels]:
    image.load()
    mode, pixels = _pixels_16_bit(image, source.coded) if _is_16_bit(image, source) else _pixels_8_bit(image)
    return mode, np.ascontiguousarray(turned(pixels, source.orientation))


def _subsampling(image: Image.Image) -> int:
    sampling = JpegImagePlugin.get_sampling(image) if isinstance(image, JpegImagePlugin.JpegImageFile) else 0
    return max(0, sampling)


def _pixels_8_bit(image: Image.Image) -> tuple[str, Pixels]:
    mode = _MODES[image.mode]
    if "transparency" in image.info and not mode.endswith("A"):
        mode += "A"
    converted = image if image.mode == mode else image.convert(mode)
    pixels = np.asarray(converted)
    return mode, pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


def _is_16_bit(image: Image.Image, source: Source) -> bool:
    return image.mode.startswith("I") or (source.format == "PNG" and source.coded[24] == 16)


def _pixels_16_bit(image: Image.Image, data: bytes) -> tuple[str, Pixels]:
    """Pillow reduces 16-bit colour to 8 bits, so OpenCV reads it, once Pillow has found the file whole."""
    decoded: Pixels | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)  # type: ignore[assignment]
    if decoded is None or decoded.dtype != np.uint16 or decoded.shape[1::-1] != image.size:
        raise ValueError("OpenCV reads the file differently")
    colour_type = data[25]
    if colour_type == _PNG_GREY:
        mode, pixels = "L", decoded.reshape(*decoded.shape[:2], -1)[..., :1]
    elif colour_type == _PNG_GREY_ALPHA:
        mode, pixels = "LA", decoded[..., [0, 3]]
    elif colour_type == _PNG_TRUECOLOUR_ALPHA:
        mode, pixels = "RGBA", decoded[..., [2, 1, 0, 3]]
    else:
        mode, pixels = "RGB", decoded[..., 2::-1]
    return _with_transparent_colour(mode, pixels, image)


def _with_transparent_colour(mode: str, pixels: Pixels, image: Image.Image) -> tuple[str, Pixels]:
    """Turn the one colour that a PNG's tRNS chunk makes transparent into an alpha channel."""
    colour = image.info.get("transparency")
    if colour is None or mode.endswith("A"):
        return mode, pixels
    opaque = (pixels != np.asarray(colour, np.uint16)).any(axis=2, keepdims=True)
    return mode + "A", np.concatenate([pixels, opaque * np.uint16(0xFFFF)], axis=2)
