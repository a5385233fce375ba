"""What to do where memory runs out: go on with what there is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import cv2


@contextlib.contextmanager
def while_there_is_memory() -> Iterator[None]:
    """Leave out the rest of a block where Python, NumPy or OpenCV gets no more memory; other errors are passed on."""
    try:
        yield
    except MemoryError:
        pass
    except cv2.error as error:
        if error.code != cv2.Error.StsNoMem:
            raise
