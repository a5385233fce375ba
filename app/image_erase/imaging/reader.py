"""Any file -> Source."""

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
    """Read what a file says besides its pixels; no pixel is decoded.

    file_format: as format_of() tells it. Metadata that are broken are left out. Raises ValueError where what the pixels
    need is broken or not there, TooCostly, Unsupported, and anything else for a file that makes no sense.
    """
    return _READERS[file_format](data)
