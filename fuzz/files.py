"""Fuzz a whole job: the input as image and as mask, through decoding, erasing and encoding.

python -m fuzz.files [libFuzzer's options] CORPUS...

Python code is instrumented, that of Pillow's plugins too; what is native is driven, but not followed. A finding is any
exception but an ImagingFailure, any refusal that takes longer than it may, and of course a crash.
"""

import contextlib
import sys
import time

import atheris

with atheris.instrument_imports(include=["image_erase.imaging", "image_erase.jobs.job", "PIL"]):
    import cv2
    from PIL import (
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    from image_erase.imaging.decode import decode_picture
    from image_erase.imaging.failures import ImagingFailure
    from image_erase.imaging.header import ALL_FORMATS
    from image_erase.jobs.job import erase_file, make_eraser, warm_up_files
    from image_erase.jobs.options import JobOptions
    from image_erase.jobs.request import JobRequest

from support.files import repaired

PLUGINS = (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
# Small, so that many files a second are tried; what is larger is refused on its header.
OPTIONS = JobOptions(max_side=256, jpeg_quality=90, engine="opencv")
REQUEST = JobRequest(formats=ALL_FORMATS, output="same")
REFUSED_SECONDS = 2.0
ERASER = make_eraser(OPTIONS)
IMAGE, MASK = warm_up_files()


class TooSlow(Exception):
    """A file was refused later than it may be."""


def one_file(data: bytes) -> None:
    """Try one input everywhere where a client can put it."""
    for image, mask in ((data, data), (IMAGE, data), (data, MASK)):
        started = time.process_time()
        try:
            erase_file(image, mask, OPTIONS, ERASER, REQUEST, time_left=lambda: 30.0)
        except ImagingFailure:
            if time.process_time() - started > REFUSED_SECONDS:
                raise TooSlow from None
        except MemoryError:
            raise TooSlow from None
    with contextlib.suppress(ImagingFailure):
        decode_picture(data, OPTIONS.max_side, formats=ALL_FORMATS)


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """libFuzzer's mutation; every other PNG then gets right checksums, or hardly any would be looked into."""
    mutated: bytes = atheris.Mutate(data, len(data))
    return repaired(mutated)[:max_size] if seed % 2 else mutated


def main() -> None:
    """Fuzz until libFuzzer's options say to stop."""
    cv2.setNumThreads(1)
    atheris.Setup(sys.argv, one_file, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
