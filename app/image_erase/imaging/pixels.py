"""The pixels of a whole file as Pillow and OpenCV decode them."""

import cv2
import numpy as np
from PIL import Image, JpegImagePlugin, TiffImagePlugin

from image_erase.imaging.picture import Pixels
from image_erase.imaging.png.flat import flat_pixels
from image_erase.imaging.source import Source

# Peak memory of decoding per pixel: for each byte of a pixel, and the maximum for any kind of picture.
_DECODER_BYTES, _MOST_DECODER_BYTES = 6, 32
_TIFF_BITS, _TIFF_DEEP = 258, 16
_PNG_GREY, _PNG_GREY_ALPHA, _PNG_TRUECOLOUR_ALPHA = 0, 4, 6
# Working modes by Pillow mode. Images with transparency get an additional alpha channel.
_MODES = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "RGB": "RGB", "RGBX": "RGB", "RGBA": "RGBA", "RGBa": "RGBA"}
_MODES |= {"P": "RGB", "PA": "RGBA", "CMYK": "CMYK", "YCbCr": "RGB"}


def all_pixels(image: Image.Image, source: Source) -> tuple[str, Pixels]:
    """Return the working mode and the HxWxC pixels as stored, uint8 or uint16.

    image: of `source`, opened by Pillow. Raises MemoryError, and any exception for a damaged file.
    """
    is_deep = _is_16_bit(image, source) or _is_16_bit_tiff(image)
    samples = len(_MODES.get(image.mode, "RGBA")) + ("transparency" in image.info)
    sample_bytes = samples * (2 if is_deep else 1)
    require_memory(image.width * image.height * min(_DECODER_BYTES * sample_bytes, _MOST_DECODER_BYTES))
    if source.format == "PNG" and "transparency" not in image.info:
        flat = flat_pixels(source.coded, image.size)
        if flat is not None:
            return image.mode, flat
    if _is_16_bit_tiff(image):
        return _tiff_16_bit(image, source.coded)
    image.load()
    return _pixels_16_bit(image, source.coded) if is_deep else _pixels_8_bit(image)


def require_memory(size: int) -> None:
    """Raise MemoryError if there are not that many bytes to decode a picture.

    They are allocated in advance, because a decoder that runs out of memory may report the file as broken.
    """
    np.empty(size, np.uint8)


def subsampling_of(image: Image.Image) -> int:
    """Return the subsampling of a JPEG's colours as Pillow numbers it, 0 for any other file."""
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


def _is_16_bit_tiff(image: Image.Image) -> bool:
    return isinstance(image, TiffImagePlugin.TiffImageFile) and _TIFF_DEEP in image.tag_v2.get(_TIFF_BITS, ())


def _pixels_16_bit(image: Image.Image, data: bytes) -> tuple[str, Pixels]:
    """Decode by OpenCV, because Pillow reduces 16-bit colour to 8 bits; but let Pillow verify the file first."""
    decoded: Pixels | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)  # type: ignore[assignment]
    if decoded is None or decoded.dtype != np.uint16 or decoded.shape[1::-1] != image.size:
        raise ValueError("OpenCV reads the file differently")
    colour_type = data[25]
    if colour_type == _PNG_GREY:
        mode, pixels = "L", decoded.reshape(*decoded.shape[:2], -1)[..., :1]
    elif colour_type == _PNG_GREY_ALPHA:
        mode, pixels = "LA", _grey_alpha(decoded)
    elif colour_type == _PNG_TRUECOLOUR_ALPHA:
        mode, pixels = "RGBA", _rgba(decoded)
    else:
        mode, pixels = "RGB", decoded[..., 2::-1]
    return _with_transparent_colour(mode, pixels, image)


def _tiff_16_bit(image: Image.Image, data: bytes) -> tuple[str, Pixels]:
    """Decode by OpenCV, because Pillow reduces 16-bit colour to 8 bits."""
    decoded: Pixels | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)  # type: ignore[assignment]
    if decoded is None or decoded.dtype != np.uint16 or decoded.shape[1::-1] != image.size:
        raise ValueError("OpenCV reads the file differently")
    pixels = decoded.reshape(*decoded.shape[:2], -1)
    if pixels.shape[2] == 4:
        return "RGBA", _rgba(pixels)
    return ("RGB", pixels[..., ::-1]) if pixels.shape[2] == 3 else ("L", pixels[..., :1])


def _rgba(decoded: Pixels) -> Pixels:
    """Put OpenCV's BGRA into Pillow's order."""
    pixels: Pixels = cv2.cvtColor(decoded, cv2.COLOR_BGRA2RGBA)  # type: ignore[assignment]
    return pixels


def _grey_alpha(decoded: Pixels) -> Pixels:
    """Take from OpenCV's BGRA of a grey picture one channel of grey, and alpha."""
    pixels: Pixels = cv2.merge([decoded[..., 0], decoded[..., 3]])  # type: ignore[assignment]
    return pixels


def _with_transparent_colour(mode: str, pixels: Pixels, image: Image.Image) -> tuple[str, Pixels]:
    """Convert the transparent colour of a PNG's tRNS chunk into an alpha channel."""
    colour = image.info.get("transparency")
    if colour is None or mode.endswith("A"):
        return mode, pixels
    opaque = (pixels != np.asarray(colour, np.uint16)).any(axis=2, keepdims=True)
    return mode + "A", np.concatenate([pixels, opaque * np.uint16(0xFFFF)], axis=2)
