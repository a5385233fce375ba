"""Compare the sizes of images and masks by their headers, before anything is erased."""

import warnings
from pathlib import Path

from PIL import Image

from image_erase.batch.failures import Failure
from image_erase.batch.files import DASH
from image_erase.batch.plan import Task
from image_erase.contract.errors import Code

_ORIENTATION = 0x0112
# EXIF orientations that exchange width and height.
_TURNED = frozenset({5, 6, 7, 8})

Size = tuple[int, int]


def mismatch(task: Task) -> Failure | None:
    """Return why the mask does not fit the image by their headers; None if it fits or a header cannot be read.

    A mask may have the size of the image as it is stored or as it is shown, as for the server.
    """
    if not isinstance(task.image, Path) or not isinstance(task.mask, Path) or DASH in (task.image, task.mask):
        return None
    image, mask = _sizes(task.image), _sizes(task.mask)
    if not image or not mask or image & mask:
        return None
    (width, height), (mask_width, mask_height) = min(image), min(mask)
    message = f"mask: {mask_width}x{mask_height} pixels, image: {width}x{height}; both must have the same size."
    return Failure(Code.ERROR_MASK_IMAGE_RESOLUTION_MISMATCH.name, message)


def _sizes(path: Path) -> set[Size]:
    """Return the size as stored, and as shown if its orientation differs; empty if the header cannot be read."""
    try:
        with warnings.catch_warnings():
            # Avoids Pillow's warning about large images: nothing is decoded here.
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                width, height = picture.size
                turned = picture.getexif().get(_ORIENTATION) in _TURNED
    except Exception:  # a header may be broken in any way; the job reports it
        return set()
    return {(width, height), (height, width)} if turned else {(width, height)}
