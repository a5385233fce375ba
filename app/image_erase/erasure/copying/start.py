"""A first guess for the hole at the coarsest level."""

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, Bool, Check, Hurried, Index, never_hurried
from image_erase.erasure.copying.pyramid import COLOURS, Level
from image_erase.erasure.copying.search import whole_patches

TELEA_RADIUS = 3
MOST_SOURCES = 4000
MOST_RIM = 512


def diffuse(level: Level) -> None:
    """Fill a thin hole by Telea's method; texture comes from the nearest known pixel."""
    hole, planes = level.hole, level.planes
    colour = cv2.merge([cv2.convertScaleAbs(plane) for plane in planes[:COLOURS]])
    filled = cv2.inpaint(colour, hole.astype(np.uint8), TELEA_RADIUS, cv2.INPAINT_TELEA)
    for plane, channel in zip(planes, cv2.split(filled), strict=False):
        plane[hole] = channel[hole]
    if len(planes) > COLOURS:
        closest = nearest(~hole)[hole.ravel()]
        for plane in planes[COLOURS:]:
            plane[hole] = plane.take(closest)


def peel(level: Level, radius: int, check: Check, hurried: Hurried = never_hurried) -> None:
    """Fill the hole from the rim inwards, each pixel from the patch that matches the known pixels around it best.

    Once `hurried`, the rest is filled with the nearest known pixels.
    """
    sources = np.flatnonzero(whole_patches(level.usable, radius))
    sources = sources[:: -(-len(sources) // MOST_SOURCES)]
    described = _patches(level.planes, radius, sources)
    products = np.ascontiguousarray(np.concatenate([described**2, -2 * described], axis=1).T)
    flat = level.planes.reshape(len(level.planes), -1)
    missing = level.hole.copy()
    while missing.any():
        if hurried():
            rest = np.flatnonzero(missing)
            flat[:, rest] = flat[:, nearest(~missing)[rest]]
            return
        rim = _rim(missing)
        patches = _patches(level.planes, radius, rim)
        known = np.tile(_patches((~missing).astype(np.float32)[None], radius, rim), len(flat))
        for first in range(0, len(rim), MOST_RIM):
            check()
            part = slice(first, first + MOST_RIM)
            mask = known[part]
            distance = np.concatenate([mask, mask * patches[part]], axis=1) @ products
            flat[:, rim[part]] = flat[:, sources[distance.argmin(axis=1)]]
        missing.ravel()[rim] = False


def nearest(allowed: Bool) -> Index:
    """The flat index of the nearest pixel of `allowed` (HxW, not empty), for every pixel."""
    _, labels = cv2.distanceTransformWithLabels(
        (~allowed).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    places = np.flatnonzero(allowed)
    number = np.zeros(len(places) + 1, np.intp)
    number[labels.ravel()[places]] = places
    found: Index = number[labels.ravel()]
    return found


def _rim(missing: Bool) -> Index:
    """Flat indices of the missing pixels next to a known one."""
    kernel = np.ones((3, 3), np.uint8)
    inner = cv2.erode(missing.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return np.flatnonzero(missing & (inner == 0))


def _patches(planes: F32, radius: int, at: Index) -> F32:
    """The patches around the pixels `at` (flat indices) as rows, plane by plane, zero outside the picture."""
    side = 2 * radius + 1
    padded = np.pad(planes, ((0, 0), (radius, radius), (radius, radius)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    y, x = np.divmod(at, planes.shape[2])
    return np.moveaxis(windows[:, y, x], 0, 1).reshape(len(at), -1)
