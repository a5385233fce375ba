"""Compute how much each pixel of a mask is painted."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.area import extent_of
from image_erase.imaging.picture import Picture, Pixels

THRESHOLD = 128
# Of 255. At lower alpha, colours of programs that premultiply are mostly rounding errors.
_VISIBLE = 16
# Weights of red, green and blue, times 65536.
_WEIGHTS = np.uint32(19595), np.uint32(38470), np.uint32(7471)


def paint_of(mask: Picture) -> NDArray[np.uint8]:
    """Return how much each pixel is painted: HxW, 0..255; pixels are erased from THRESHOLD on.

    White is painted. In a label mask, which is black except for one colour that is too dark to count as white, that
    colour is painted. The colour of pixels with alpha 0 never counts. If the visible pixels are uniform and others are
    transparent, alpha is the paint; otherwise luma is multiplied by alpha.
    """
    if mask.has_alpha or mask.mode == "CMYK":
        return _paint(mask)
    # Black is unpainted, and most masks are mostly black.
    paint, area = np.zeros(mask.pixels.shape[:2], np.uint8), extent_of(mask.pixels)
    if area is not None:
        paint[area] = _paint(
            replace(mask, pixels=np.ascontiguousarray(mask.pixels[area])), paint[area].size < paint.size
        )
    return paint


def _paint(mask: Picture, black_beside: bool = False) -> NDArray[np.uint8]:
    """black_beside: whether there are black pixels in addition to those of the picture."""
    label = _label(mask, black_beside)
    if label is not None:
        return label * np.uint8(255)
    pixels = _in_8_bits(mask.pixels)
    luma = _luma(pixels, mask.mode)
    if not mask.has_alpha:
        return luma
    alpha = np.ascontiguousarray(pixels[..., -1])
    if not alpha.all() and not _has_contrast(luma[alpha >= _VISIBLE]):
        return alpha
    return ((luma.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)


def _has_contrast(luma: NDArray[np.uint8]) -> bool:
    bright = luma >= THRESHOLD
    return bool(bright.any() and not bright.all())


def _label(mask: Picture, black_beside: bool) -> NDArray[np.bool_] | None:
    """Return the pixels (HxW) of the only colour besides black; None for masks with more colours.

    For lossless files only: lossy compression may turn black into a second, nearly black colour.
    """
    if mask.mode == "CMYK" or mask.source is None or mask.source.lossy:
        return None
    colours = mask.pixels[..., :-1] if mask.has_alpha else mask.pixels
    shown = mask.pixels[..., -1] > 0 if mask.has_alpha else np.ones(colours.shape[:2], np.bool_)
    painted: NDArray[np.bool_] = np.logical_or.reduce([colours[..., c] > 0 for c in range(colours.shape[2])]) & shown
    if not painted.any() or not (black_beside or (shown & ~painted).any()):
        return None
    first = np.unravel_index(int(painted.argmax()), painted.shape)
    colour = colours[first]
    if _luma(_in_8_bits(colours[first][np.newaxis, np.newaxis]), mask.mode)[0, 0] >= THRESHOLD:
        return None
    return painted if (colours[painted] == colour).all() else None


def _in_8_bits(pixels: Pixels) -> NDArray[np.uint8]:
    return (pixels >> 8 if pixels.dtype == np.uint16 else pixels).astype(np.uint8, copy=False)


def _luma(pixels: NDArray[np.uint8], mode: str) -> NDArray[np.uint8]:
    """Return the luma (ITU-R BT.601, rounded) of HxWxC with the channels of `mode`: HxW."""
    if mode in ("L", "LA"):
        return np.ascontiguousarray(pixels[..., 0])
    if mode == "CMYK":
        pixels = (255 - pixels[..., :3]) * (255 - pixels[..., 3:].astype(np.uint16)) // 255
    luma = np.full(pixels.shape[:2], 0x8000, np.uint32)
    for channel, weight in enumerate(_WEIGHTS):
        luma += pixels[..., channel] * weight
    return (luma >> 16).astype(np.uint8)
