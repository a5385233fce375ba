"""Write WebP files."""

import io

import numpy as np
from PIL import Image

from image_erase.imaging.metadata.blocks import Blocks
from image_erase.imaging.metadata.exif import PREFIX
from image_erase.imaging.picture import Picture

# Effort of the encoder, 0 to 6: more takes several times as long and saves a tenth.
_LOSSLESS_METHOD, _LOSSY_METHOD = 0, 2

# VP8_ENC_ERROR_OUT_OF_MEMORY and VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY, in Pillow's words.
_NO_MEMORY = ("encoding error 1", "encoding error 2")


def encoded_webp(picture: Picture, blocks: Blocks, quality: int | None) -> bytes:
    """Encode a WebP of a picture with 8 bits, not CMYK. quality: 1 to 100, None for lossless.

    Lossless files keep the colours of fully transparent pixels too. Raises MemoryError.
    """
    pixels = np.ascontiguousarray(picture.pixels)
    image = Image.fromarray(pixels[..., 0] if picture.mode == "L" else pixels, picture.mode)
    mode = "RGBA" if picture.has_alpha else "RGB"
    target = io.BytesIO()
    try:
        (image if image.mode == mode else image.convert(mode)).save(
            target,
            "WEBP",
            lossless=quality is None,
            quality=quality or 0,
            method=_LOSSLESS_METHOD if quality is None else _LOSSY_METHOD,
            exact=quality is None,
            icc_profile=blocks.icc or None,
            exif=PREFIX + blocks.exif if blocks.exif else b"",
            xmp=blocks.xmp,
        )
    except ValueError as error:
        if str(error) in _NO_MEMORY:
            raise MemoryError(str(error)) from None
        raise
    return target.getvalue()
