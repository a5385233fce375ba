"""Erasing files on this machine, without a server: the same work that a worker does."""

import contextlib
import os
import tempfile
import time
from pathlib import Path

import cv2

from app.jobs.job import ErasedFile, JobOptions, erase_file, make_eraser


def erase_local(image: Path, mask: Path, options: JobOptions, seconds: float) -> ErasedFile:
    """Erase from the image file what the mask file paints white.

    seconds: how long it may take before the rest is filled in the quickest way. Raises OSError, ImagingFailure, and
    ModelError for a network that does not fit.
    """
    cv2.setNumThreads(1)
    eraser = make_eraser(options)
    end = time.monotonic() + seconds
    return erase_file(image.read_bytes(), mask.read_bytes(), options, eraser, time_left=lambda: end - time.monotonic())


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all. Raises OSError."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(draft, 0o666 & ~_umask())
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
