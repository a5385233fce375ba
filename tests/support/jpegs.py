"""Pictures and JPEGs for the tests of the splice."""

import io
import shutil
import subprocess
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from image_erase.imaging.jpeg.blocks import touched_blocks
from image_erase.imaging.jpeg.frame import Frame, read_frame
from image_erase.imaging.jpeg.markers import Segment, read_segments
from image_erase.imaging.reader import read_source
from image_erase.imaging.source import Source

Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    """Draw shapes over smooth colours and a little grain: something with edges, flats and texture."""
    return Image.fromarray(_drawn(width, height, seed))


# Each process of the tests makes the pictures of all parameters when it collects.
@lru_cache(8)
def _drawn(width: int, height: int, seed: int) -> Pixels:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    canvas = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(canvas, centre, int(rng.integers(3, 30)), [int(each) for each in rng.integers(0, 256, 3)], -1)
    drawn: Pixels = np.clip(canvas + rng.normal(0, 3, canvas.shape), 0, 255).astype(np.uint8)
    return drawn


def pillow_jpeg(picture: Image.Image, **options: Any) -> bytes:
    """Encode with Pillow."""
    file = io.BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def cjpeg(picture: Image.Image, *options: str) -> bytes:
    """Encode with libjpeg-turbo's cjpeg; skips the test if it is not installed."""
    program = shutil.which("cjpeg")
    if program is None:
        pytest.skip("no cjpeg")
    plain = io.BytesIO()
    picture.save(plain, "PPM")
    return subprocess.run([program, *options], input=plain.getvalue(), capture_output=True, check=True).stdout


def decoded(data: bytes) -> Pixels:
    """Decode as the server does."""
    return np.array(Image.open(io.BytesIO(data)))


def decoded_by_opencv(data: bytes) -> Pixels:
    """Decode with the other decoder."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)


def walk(data: bytes) -> list[Segment]:
    """The segments of a JPEG."""
    return read_segments(data)[0]


def source_of(data: bytes) -> Source:
    """A JPEG's facts."""
    return read_source(data, "JPEG")


def frame_of(data: bytes) -> Frame:
    """Read the header."""
    return read_frame(walk(data))


def with_colour_mark(data: bytes, transform: int) -> bytes:
    """Overwrite the transform flag of the Adobe segment."""
    at = data.index(b"Adobe") + 11
    return data[:at] + bytes((transform,)) + data[at + 1 :]


def may_change(data: bytes, hole: Hole) -> Hole:
    """Return the pixels that a splice may change: touched blocks, and one chroma sample around them."""
    frame = frame_of(data)
    allowed = np.zeros(hole.shape, dtype=np.uint8)
    for each in frame.components:
        down, across = frame.most_down // each.down, frame.most_across // each.across
        blocks = np.kron(touched_blocks(hole, down, across), np.ones((8 * down, 8 * across), dtype=np.uint8))
        reach = np.ones((2 * down * (down > 1) + 1, 2 * across * (across > 1) + 1), dtype=np.uint8)
        reached = cv2.dilate(blocks.astype(np.uint8), reach)[: hole.shape[0], : hole.shape[1]]
        allowed[reached > 0] = 1
    return allowed > 0


def filled_by_shift(shown: Pixels, hole: Hole, by: int = 37) -> Pixels:
    """Fill the hole from elsewhere in the picture."""
    filled = shown.copy()
    filled[hole] = np.roll(shown, by, axis=1)[hole]
    return filled


def psnr(one: Pixels, other: Pixels) -> float:
    """Return the PSNR in dB, 99 for equal pictures."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))
