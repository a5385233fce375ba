"""How much each pixel of a mask is painted."""

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.picture import Picture, Pixels

THRESHOLD = 128
# Of 255. The colour of pixels that show less than that is mostly rounding where a program multiplied it by alpha.
_VISIBLE = 16


def paint_of(mask: Picture) -> NDArray[np.uint8]:
    """HxW, 0 to 255: how much of a pixel is painted; it is erased from THRESHOLD on.

    White is painted. Of a label mask, which is black but for one other colour that is too dark to count as white, that
    colour is. The colour of pixels with alpha 0 never counts: where the visible pixels tell nothing apart and others
    are transparent, alpha says what is painted; else it multiplies luma.
    """
    label = _label(mask)
    if label is not None:
        return label * np.uint8(255)
    pixels = _in_8_bits(mask.pixels)
    luma = _luma(pixels, mask.mode)
    if not mask.mode.endswith("A"):
        return luma
    alpha = np.ascontiguousarray(pixels[..., -1])
    if not alpha.all() and not _has_contrast(luma[alpha >= _VISIBLE]):
        return alpha
    return ((luma.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)


def _has_contrast(luma: NDArray[np.uint8]) -> bool:
    bright = luma >= THRESHOLD
    return bool(bright.any() and not bright.all())


def _label(mask: Picture) -> NDArray[np.bool_] | None:
    """HxW: where the one colour beside black is, in a mask of just these two; None for any other mask.

    Only of lossless files: a lossy one may make a second, nearly black colour of black.
    """
    if mask.mode == "CMYK" or mask.source is None or mask.source.lossy:
        return None
    alpha = mask.mode.endswith("A")
    colours = mask.pixels[..., :-1] if alpha else mask.pixels
    shown = mask.pixels[..., -1] > 0 if alpha else np.ones(colours.shape[:2], np.bool_)
    painted: NDArray[np.bool_] = colours.any(axis=2) & shown
    if not painted.any() or not (shown & ~painted).any():
        return None
    first = np.unravel_index(int(painted.argmax()), painted.shape)
    colour = colours[first]
    if _luma(_in_8_bits(colours[first][np.newaxis, np.newaxis]), mask.mode)[0, 0] >= THRESHOLD:
        return None
    return painted if (colours[painted] == colour).all() else None


def _in_8_bits(pixels: Pixels) -> NDArray[np.uint8]:
    return (pixels >> 8 if pixels.dtype == np.uint16 else pixels).astype(np.uint8, copy=False)


def _luma(pixels: NDArray[np.uint8], mode: str) -> NDArray[np.uint8]:
    """Luma of ITU-R BT.601, rounded. HxWxC as the mode names it -> HxW."""
    if mode in ("L", "LA"):
        return np.ascontiguousarray(pixels[..., 0])
    if mode == "CMYK":
        pixels = (255 - pixels[..., :3]) * (255 - pixels[..., 3:].astype(np.uint16)) // 255
    weights = np.array([19595, 38470, 7471], np.uint32)
    return ((pixels[..., :3] @ weights + 0x8000) >> 16).astype(np.uint8)
