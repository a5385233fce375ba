"""A PNG result is not many times larger than its source."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.encode import encode_result
from image_erase.imaging.metadata.policy import Policy
from support.files import png_file
from support.jpegs import scene

SIDE = 700


def noise(height: int, width: int, channels: int) -> NDArray[np.uint8]:
    return np.random.default_rng(21).integers(0, 256, (height, width, channels), np.uint8)


def tiled(tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.tile(tile, (-(-SIDE // len(tile)), -(-SIDE // tile.shape[1]), 1))[:SIDE, :SIDE]


def gradient() -> NDArray[np.uint8]:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    return np.dstack([(x * y // 97) % 256, (x + y) % 256, x // 3 % 256]).astype(np.uint8)


PICTURES: dict[str, Callable[[], NDArray[np.uint8]]] = {
    "rows that are alike": lambda: tiled(noise(1, SIDE, 3)),
    "rows that alternate": lambda: tiled(noise(2, SIDE, 3)),
    "seven rows": lambda: tiled(noise(7, SIDE, 4)),
    "columns that are alike": lambda: tiled(noise(SIDE, 1, 3)),
    "tiles": lambda: tiled(noise(40, 56, 3)),
    "tiles of grey": lambda: tiled(noise(64, 64, 1)),
    "tiles of grey and alpha": lambda: tiled(noise(33, 64, 2)),
    "gradients": gradient,
    "one colour": lambda: tiled(noise(1, 1, 3)),
    "half noise, half rows": lambda: np.concatenate([noise(SIDE // 2, SIDE, 3), tiled(noise(1, SIDE, 3))[: SIDE // 2]]),
    "photograph": lambda: np.asarray(scene(SIDE, SIDE)),
}


def as_png(pixels: NDArray[np.uint8], depth: int) -> bytes:
    """As small as filters and zlib make it."""
    if depth == 8:
        target = io.BytesIO()
        Image.fromarray(pixels.squeeze()).save(target, "PNG", optimize=True)
        return target.getvalue()
    import zlib

    deep = np.pad(pixels.repeat(2, axis=2).reshape(len(pixels), -1), ((0, 0), (1, 0)))
    deep[1:, 1:] -= deep[:-1, 1:]
    deep[:, 0] = 2
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[pixels.shape[2]]
    return png_file((SIDE, SIDE), 16, colour_type, rows=zlib.compress(deep.tobytes(), 9))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("name", PICTURES)
def test_a_png_stays_about_as_large_as_it_was(name: str, depth: int) -> None:
    source = as_png(PICTURES[name](), depth)
    picture = decode_picture(source, 4096)
    image = picture.canvas()[0].copy()
    hole = np.zeros((SIDE, SIDE), np.bool_)
    hole[300:340, 200:260] = True
    image[hole] = 90
    result = encode_result(picture, image, hole, policy=Policy.COLOUR, jpeg_quality=95).data
    assert len(result) < (1.4 if name == "photograph" else 2.5) * len(source) + 8 * 1024
    np.testing.assert_array_equal(decode_picture(bytes(result), 4096).pixels[~hole], picture.pixels[~hole])
