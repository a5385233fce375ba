"""Continue with a partial result when memory runs out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import cv2


@contextlib.contextmanager
def while_there_is_memory() -> Iterator[None]:
    """End a block early if Python, NumPy or OpenCV runs out of memory; other errors are raised."""
    try:
        yield
    except MemoryError:
        pass
    except cv2.error as error:
        if error.code != cv2.Error.StsNoMem:
            raise
