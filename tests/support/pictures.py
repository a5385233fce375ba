"""Pictures and masks, generated."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = (64, 48)
BOX = (20, 12, 36, 28)

Array = NDArray[Any]


def photo(size: tuple[int, int] = SIZE, mode: str = "RGB") -> Image.Image:
    """A picture in which every pixel differs from its neighbours."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(7).integers(0, 32, (height, width))
    channels = [(x * 3 + noise) % 256, (y * 4 + noise) % 256, (x + y + noise) % 256, 255 - (x + noise) % 128]
    pixels = np.stack(channels[: len(Image.new(mode, (1, 1)).getbands())], axis=2).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels, mode)


def noise_file(size: tuple[int, int], bits: int = 24) -> bytes:
    """Return a PNG of noise, which cannot be compressed.

    bits: how many of a pixel's 24 are noise; the fewer, the smaller the file.
    """
    depth = bits // 3
    pixels = np.random.default_rng(11).integers(0, 1 << depth, (size[1], size[0], 3), np.uint8)
    return file_of(Image.fromarray(pixels << (8 - depth)), "PNG", compress_level=0 if bits == 24 else 1)


def black(size: tuple[int, int] = SIZE) -> Image.Image:
    return Image.new("L", size, 0)


def boxed(
    size: tuple[int, int] = SIZE,
    box: tuple[int, int, int, int] = BOX,
    mode: str = "L",
    inside: Any = 255,
    outside: Any = 0,
) -> Image.Image:
    """A mask with one painted box."""
    mask = Image.new(mode, size, outside)
    mask.paste(inside, box)
    return mask


def file_of(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def photo_file(format: str = "PNG", size: tuple[int, int] = SIZE, **options: Any) -> bytes:
    return file_of(photo(size), format, **options)


def mask_file(size: tuple[int, int] = SIZE) -> bytes:
    return file_of(boxed(size))


def pixels_of(data: bytes) -> Array:
    """Return the pixels as stored, not turned upright."""
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


def changed(before: bytes, after: bytes) -> NDArray[np.bool_]:
    """HxW: where two files differ."""
    old, new = pixels_of(before), pixels_of(after)
    assert old.shape == new.shape
    difference = old != new
    return difference.any(axis=2) if difference.ndim == 3 else difference


def bounds(where: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of what is True; right and bottom exclusive."""
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1) if rows.size else None


def slow_files() -> tuple[bytes, bytes]:
    """Return an image and a mask that take at least a second to erase."""
    pixels = np.random.default_rng(5).integers(0, 256, (1000, 1000, 3), np.uint8)
    hole = np.full((1000, 1000), 255, np.uint8)
    hole[:, 990:] = 0
    return file_of(Image.fromarray(pixels)), file_of(Image.fromarray(hole))
