"""Packs: many photographs in one file, shrunk and compressed, quick to send and to read.

A pack is the number of pictures as uint32, the size of each in bytes as uint32, then the WebP files; little-endian.
"""

from __future__ import annotations

import pathlib
import random
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
NUMBER = np.dtype("<u4")
LONGEST = 2.0
"""Longer pictures are cut to their middle: this many times the short side."""


def photographs(folder: pathlib.Path, seed: int = 0) -> list[pathlib.Path]:
    """The pictures in a folder and in those below it, in random order."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    random.Random(seed).shuffle(found)  # noqa: S311 - nothing secret
    return found


def write(paths: Sequence[pathlib.Path], pack: pathlib.Path, side: int = 512, quality: int = 80) -> int:
    """Write the pictures to a pack, the short side at most `side` px; returns how many could be read.

    quality is WebP's, 1 to 100.
    """
    with ThreadPoolExecutor() as pool:
        encoded = [data for data in pool.map(lambda path: _encode(path, side, quality), paths) if data]
    sizes = np.array([len(encoded), *map(len, encoded)], NUMBER)
    pack.write_bytes(sizes.tobytes() + b"".join(encoded))
    return len(encoded)


def read(pack: pathlib.Path) -> list[bytes]:
    """The encoded pictures of a pack. Raises ValueError when the file is none."""
    data = pack.read_bytes()
    count = int(np.frombuffer(data[:4], NUMBER)[0]) if len(data) >= NUMBER.itemsize else 0
    header = NUMBER.itemsize * (count + 1)
    sizes = np.frombuffer(data[NUMBER.itemsize : header], NUMBER)
    ends = header + np.cumsum(sizes, dtype=np.int64)
    if not count or len(sizes) != count or ends[-1] != len(data):
        raise ValueError(f"{pack.name} is not a pack of pictures")
    return [data[end - size : end] for end, size in zip(ends, sizes.astype(np.int64), strict=True)]


def decode(pictures: Iterable[bytes]) -> Iterable[NDArray[np.uint8]]:
    """The pictures as HxWx3 RGB uint8, in order; what cannot be read is left out."""
    with ThreadPoolExecutor() as pool:
        yield from (picture for picture in pool.map(_decode, pictures) if picture is not None)


def _decode(data: bytes) -> NDArray[np.uint8] | None:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else np.ascontiguousarray(picture[:, :, ::-1], np.uint8)


def _encode(path: pathlib.Path, side: int, quality: int) -> bytes:
    """The picture shrunk and compressed; empty when it cannot be read."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        return b""
    for axis in (0, 1):
        length, most = picture.shape[axis], int(LONGEST * picture.shape[1 - axis])
        if length > most:
            picture = picture.take(range((length - most) // 2, (length + most) // 2), axis)
    scale = side / min(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
