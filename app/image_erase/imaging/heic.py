"""Read HEIC files, if the optional package pillow-heif is installed."""

import importlib
import io
from typing import Any

from PIL import Image

from image_erase.imaging.limits import Unsupported
from image_erase.imaging.source import Source


def read_heic(data: bytes) -> Source:
    """Read the boxes without decoding pixels. Raises Unsupported without the package, any exception for invalid boxes.

    The decoder turns the picture upright itself.
    """
    try:
        package: Any = importlib.import_module("pillow_heif")
    except ImportError:
        raise Unsupported("is HEIC, which this server cannot read: the extra `heif` is not installed") from None
    package.register_heif_opener(thumbnails=False, decode_threads=1)
    with Image.open(io.BytesIO(data), formats=["HEIF"]) as image:
        info = image.info
    return Source(
        "HEIC",
        data,
        lossy=True,
        icc_profile=info.get("icc_profile") or None,
        exif=info.get("exif") or b"",
        xmp=info.get("xmp") or b"",
    )
