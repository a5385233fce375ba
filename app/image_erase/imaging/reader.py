"""Read files of any format."""

from image_erase.imaging.avif import read_avif
from image_erase.imaging.bmp.reader import read_bmp
from image_erase.imaging.gif.reader import read_gif
from image_erase.imaging.heic import read_heic
from image_erase.imaging.jpeg.reader import read_jpeg
from image_erase.imaging.png.reader import read_png
from image_erase.imaging.source import Source
from image_erase.imaging.tiff.reader import read_tiff
from image_erase.imaging.webp.reader import read_webp

_READERS = {
    "JPEG": read_jpeg,
    "PNG": read_png,
    "BMP": read_bmp,
    "WEBP": read_webp,
    "TIFF": read_tiff,
    "GIF": read_gif,
    "AVIF": read_avif,
    "HEIC": read_heic,
}


def read_source(data: bytes, file_format: str) -> Source:
    """Read everything in a file except its pixels.

    file_format: from format_of(). Broken metadata is left out. Raises ValueError if data that the pixels need is broken
    or missing, TooCostly, Unsupported, and any other exception for an invalid file.
    """
    return _READERS[file_format](data)
