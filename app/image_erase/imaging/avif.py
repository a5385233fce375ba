"""Read AVIF files."""

import io

from PIL import AvifImagePlugin, Image

from image_erase.imaging.metadata.exif import orientation_of
from image_erase.imaging.source import Source


def use() -> None:
    """Keep the decoder from starting threads: a worker has one processor."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def read_avif(data: bytes) -> Source:
    """Read the boxes without decoding pixels. Raises any exception if they are invalid."""
    with Image.open(io.BytesIO(data), formats=["AVIF"]) as image:
        info = image.info
    exif = info.get("exif", b"")
    return Source(
        "AVIF",
        data,
        lossy=True,
        orientation=orientation_of(exif),
        icc_profile=info.get("icc_profile") or None,
        exif=exif,
        xmp=info.get("xmp", b""),
    )
