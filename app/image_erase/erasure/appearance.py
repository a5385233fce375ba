"""The 8-bit BGR guide of pictures with transparency, and of 16-bit pictures that use little of their range."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, U8, Bool, Pixels, full_scale
from image_erase.erasure.regions import extent

BAND = 64
"""Rows processed at a time."""

DEEP = 65535
"""White in premultiplied pictures, which are uint16 so that nearly transparent colours keep their precision."""

NEAR = 64
"""Pixels around the hole in which the range of values in use is measured."""

BESIDE = 4
"""Pixels around a part of the hole that decide whether its surroundings are opaque."""

TAIL = 0.001
"""Share of the darkest and of the brightest pixels that may be clipped in the guide."""

MUCH = 0.5
"""Share of the full scale: where more than this is in use, stretching the guide gains nothing."""

LEVELS = 4
"""Bins per colour channel of the histogram of visible colours."""

UNMULTIPLYING = 0.09e-6
"""Predicted seconds per pixel of unmultiplied(), on one core of about 3 GHz."""

MOST_COUNTED = 1_000_000
"""About how many pixels are counted in that histogram; larger pictures are sampled."""


def premultiplied(image: Pixels, hole: Bool) -> Pixels | None:
    """Multiply the colours of HxWxC by its last channel, alpha: HxWxC uint16, alpha at the full 16 bits.

    Colours hidden under alpha 0 then have no influence. Returns None if all known pixels are opaque.
    """
    most = np.float32(full_scale(image.dtype))
    if (hole | (image[:, :, -1] == most)).all():
        return None
    result: Pixels = np.empty(image.shape, np.uint16)
    for band in _bands(len(image)):
        opacity = image[band, :, -1] / most
        # Channel by channel: NumPy is several times slower where the last axis is short.
        for c in range(image.shape[2] - 1):
            result[band, :, c] = np.rint(image[band, :, c] * (np.float32(DEEP) / most) * opacity)
        result[band, :, -1] = np.rint(opacity * np.float32(DEEP))
    return result


def unmultiplied(filled: Pixels, image: Pixels, hole: Bool) -> Pixels:
    """Copy the hole's pixels of `filled` (premultiplied) into a copy of the image, no longer premultiplied.

    A part of the hole whose surroundings are opaque becomes opaque.
    """
    most = np.float32(full_scale(image.dtype))
    result = image.copy()
    opaque = _surrounded(image[:, :, -1] == most, hole)
    for band in _bands(len(image)):
        there = hole[band]
        values = filled[band][there].astype(np.float32)
        alpha = np.where(opaque[band][there], most, np.rint(values[:, -1] * (most / DEEP)))[:, None]
        colours = np.where(alpha > 0, values[:, :-1] * (most / np.maximum(values[:, -1:], 1)), 0)
        result[band][there] = np.hstack([np.clip(np.rint(colours), 0, most), alpha]).astype(image.dtype)
    return result


def _bands(height: int) -> Iterator[slice]:
    """Bands of rows to process one after the other, which saves memory and fits the processor's cache."""
    return (slice(first, first + BAND) for first in range(0, height, BAND))


def _surrounded(of: Bool, hole: Bool) -> Bool:
    """The pixels of the hole (HxW) in parts with only pixels of `of` (HxW) beside them."""
    result = np.zeros_like(hole)
    near = _beside(hole)
    count, parts = cv2.connectedComponents(hole[near].view(np.uint8), connectivity=8)
    reached = cv2.dilate(parts.astype(np.float32), np.ones((2 * BESIDE + 1,) * 2, np.uint8))
    ring = ~hole[near] & (reached > 0)
    labels = reached[ring].astype(np.intp)
    total, other = np.bincount(labels, minlength=count), np.bincount(labels, ~of[near][ring], minlength=count)
    result[near] = ((total > 0) & (other == 0))[parts] & hole[near]
    return result


def _beside(hole: Bool) -> tuple[slice, slice]:
    """The bounding box of the hole (HxW, not empty), enlarged by BESIDE on every side."""
    found = extent(hole)
    assert found
    rows, columns = (slice(max(0, part.start - BESIDE), part.stop + BESIDE) for part in found)
    return rows, columns


def over_unused_colour(image: Pixels, hole: Bool) -> U8:
    """Composite a premultiplied picture over a colour that it does not contain, so that alpha is compared like colour.

    Returns HxWx3 uint8 BGR.
    """
    planes = [image[:, :, c if image.shape[2] > 3 else 0] for c in range(3)]
    opacity = image[:, :, -1]
    step = max(1, math.isqrt(hole.size // MOST_COUNTED))
    few = np.s_[::step, ::step]
    known = ~hole[few]
    backdrop = _unused([plane[few][known] for plane in planes], opacity[few][known])
    scale = np.float32(255 / DEEP)
    shown: U8 = np.empty((*hole.shape, 3), np.uint8)
    for band in _bands(len(hole)):
        clear = (DEEP - opacity[band]) / np.float32(DEEP)
        for c, level in enumerate(backdrop):
            shown[band, :, c] = np.clip(np.rint(planes[c][band] * scale + clear * level), 0, 255)
    return shown


def _unused(planes: list[Pixels], opacity: Pixels) -> F32:
    """The one of a few colours spread over the colour cube that is farthest from all visible colours."""
    seen = opacity > DEEP // 8
    colours = np.stack([plane[seen] / np.maximum(opacity[seen], 1) for plane in planes], axis=1)
    bins = np.minimum((colours * LEVELS).astype(np.intp), LEVELS - 1)
    codes = np.unique(bins @ np.array([LEVELS**2, LEVELS, 1]))
    shown = (np.stack(np.unravel_index(codes, (LEVELS,) * 3), axis=1) + 0.5) / LEVELS
    corners = np.stack(np.meshgrid(*[np.linspace(0, 1, 3)] * 3), axis=-1).reshape(-1, 3)
    if not len(shown):
        return np.zeros(3, np.float32)
    distance = np.linalg.norm(corners[:, None] - shown[None], axis=2).min(axis=1)
    return np.asarray(corners[distance.argmax()] * 255, np.float32)


def stretched(image: Pixels, guide: U8, hole: Bool) -> U8:
    """Stretch the guide of a uint16 image to the range of values in use around the hole.

    image: HxWxC, grey or colours first. Returns HxWx3 uint8; the guide itself if most of the scale is in use.
    """
    colours = image[:, :, :3] if image.shape[2] >= 3 else image[:, :, :1]
    near = cv2.dilate(hole.view(np.uint8), np.ones((3, 3), np.uint8), iterations=NEAR).astype(np.bool_) & ~hole
    low, high = np.quantile(colours[near], (TAIL, 1 - TAIL))
    if high - low >= MUCH * full_scale(image.dtype):
        return guide
    scale = np.float32(255 / max(float(high - low), 1.0))
    small = [np.clip(np.rint((plane - np.float32(low)) * scale), 0, 255) for plane in np.moveaxis(colours, 2, 0)]
    return np.dstack([plane.astype(np.uint8) for plane in (small * 3)[:3]])
