"""Short vectors whose squared distance approximates the squared distance of two patches."""

from functools import lru_cache

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, Check, no_check
from image_erase.erasure.copying.pyramid import COLOURS

LUMA_ORDERS = 4
CHROMA_ORDERS = 2
CHROMA_WEIGHT = 2.0
TEXTURE_WEIGHT = 3.0
BAND = 64  # rows processed at a time, so that a band fits the processor's cache


@lru_cache
def cosines(radius: int) -> F32:
    """The orthonormal DCT-II basis of 2*radius+1 samples, one order a row, float32."""
    n = 2 * radius + 1
    at = (np.arange(n) + 0.5) * np.pi / n
    rows = np.cos(np.arange(n)[:, None] * at) * np.sqrt(2 / n)
    rows[0] /= np.sqrt(2)
    return np.asarray(rows, np.float32)


@lru_cache
def filters(radius: int) -> tuple[tuple[int, F32, F32], ...]:
    """The separable filters of a descriptor: plane of YCrCb, kernel along x, kernel along y."""
    basis = cosines(radius)
    wanted = ((0, LUMA_ORDERS, 1.0), (1, CHROMA_ORDERS, CHROMA_WEIGHT), (2, CHROMA_ORDERS, CHROMA_WEIGHT))
    return tuple(
        (plane, basis[u], basis[v] * np.float32(weight))
        for plane, orders, weight in wanted
        for u in range(min(orders, len(basis)))
        for v in range(min(orders - u, len(basis)))
    )


def describe(planes: F32, radius: int, check: Check = no_check) -> F32:
    """HxWxD float32: the low DCT orders of the patch around every pixel of CxHxW `planes`."""
    channels, h, w = planes.shape
    kernels = filters(radius)
    count = len(kernels) + channels - COLOURS
    out = np.empty((h, w, count), np.float32)
    found = np.empty((count, min(h, BAND + 2 * radius), w), np.float32)
    for top in range(0, h, BAND):
        check()
        bottom = min(h, top + BAND)
        above, below = max(0, top - radius), min(h, bottom + radius)
        band = found[:, : below - above]
        _describe_band(planes[:, above:below], radius, band)
        cv2.merge(list(band[:, top - above : bottom - above]), out[top:bottom])
    return out


def _describe_band(planes: F32, radius: int, into: F32) -> None:
    """Filter the colours, and weight further planes."""
    for band, (plane, along_x, along_y) in zip(into, filters(radius), strict=False):
        cv2.sepFilter2D(planes[plane], cv2.CV_32F, along_x, along_y, band, borderType=cv2.BORDER_REFLECT_101)
    np.multiply(planes[COLOURS:], np.float32((2 * radius + 1) * TEXTURE_WEIGHT), out=into[len(filters(radius)) :])
