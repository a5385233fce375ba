"""Align the rim of a mask that was found in a small copy to the edges of the picture.

By the guided filter (He, Sun and Tang, "Guided Image Filtering", ECCV 2010), whose coefficients are computed in a copy
of medium size and enlarged (He and Sun, "Fast Guided Filter", 2015).
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from image_erase.selecting.arrays import F32, U8, Bool

MIDDLE = 3
"""How many times larger than the small copy the medium copy is."""

RADIUS = 4
"""Half the side of the windows, in pixels of the medium copy."""

EPSILON = 4.0**2
"""Variance of colours below which there is no edge."""

BAND = 2
"""Greatest distance of the true rim from the small one, in pixels of the small copy."""

_TILE = 256

Tile = tuple[slice, slice]


def snapped(picture: U8, small: Bool) -> Bool:
    """Enlarge the small mask to the size of the picture (HxWx3 BGR), with its rim on nearby edges: HxW."""
    shape = picture.shape[0], picture.shape[1]
    if small.shape == shape:
        return small
    unsure = _near_rim(small)
    coefficients = _coefficients(picture, small, unsure)
    result = cv2.resize(small.view(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST).astype(np.bool_)
    for tile in _tiles(unsure, shape):
        result[tile] = _tile(picture, coefficients, small, unsure, tile)
    return result


def _near_rim(small: Bool) -> Bool:
    """Return where the true rim can be."""
    size = 2 * BAND + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return cv2.morphologyEx(small.view(np.uint8), cv2.MORPH_GRADIENT, disc) > 0


def _coefficients(picture: U8, small: Bool, unsure: Bool) -> F32:
    """Return weights of the three colours and a constant, at medium size: HxWx4.

    Their sum approximates the mask around each pixel best. They are computed where the rim can be, and nearby.
    """
    size = tuple(min(MIDDLE * few, many) for few, many in zip(small.shape[::-1], picture.shape[1::-1], strict=True))
    mask = cv2.resize(small.astype(np.float32), size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    colours = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    wanted = cv2.resize(unsure.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    near = cv2.dilate(wanted, np.ones((2 * RADIUS + 1,) * 2, np.uint8)) > 0
    coefficients: F32 = np.zeros((*mask.shape, 4), np.float32)
    coefficients[near] = _solved(colours, mask, near)
    return _mean(coefficients)


def _solved(colours: F32, mask: F32, near: Bool) -> F32:
    """Solve for each pixel of `near` in reading order: Nx4."""
    mean_colour, mean_mask = _mean(colours)[near], _mean(mask)[near]
    covariance = _mean(colours * mask[..., np.newaxis])[near] - mean_colour * mean_mask[:, np.newaxis]
    matrix = np.empty((len(mean_mask), 3, 3), np.float32)
    for row, column in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)):
        product = _mean(colours[..., row] * colours[..., column])[near]
        matrix[:, row, column] = product - mean_colour[:, row] * mean_colour[:, column]
        matrix[:, column, row] = matrix[:, row, column]
    matrix += EPSILON * np.eye(3, dtype=np.float32)
    weights = np.linalg.solve(matrix, covariance[..., np.newaxis])[..., 0]
    constant = mean_mask - (weights * mean_colour).sum(axis=1)
    return np.column_stack([weights, constant]).astype(np.float32)


def _mean(values: F32) -> F32:
    return cv2.blur(values, (2 * RADIUS + 1,) * 2).astype(np.float32, copy=False)


def _tiles(unsure: Bool, shape: tuple[int, int]) -> Iterator[Tile]:
    """Yield the tiles of a picture of that shape in which the rim can be."""
    for top in range(0, shape[0], _TILE):
        for left in range(0, shape[1], _TILE):
            tile = slice(top, min(top + _TILE, shape[0])), slice(left, min(left + _TILE, shape[1]))
            if unsure[_covering(tile, unsure.shape, shape)].any():
                yield tile


def _covering(tile: Tile, small: tuple[int, ...], shape: tuple[int, int]) -> Tile:
    """Return the pixels of the small copy that a tile of the picture covers, and one more on each side."""
    rows, columns = (
        slice(max(0, part.start * few // many - 1), -(-part.stop * few // many) + 1)
        for part, few, many in zip(tile, small, shape, strict=True)
    )
    return rows, columns


def _tile(picture: U8, coefficients: F32, small: Bool, unsure: Bool, tile: Tile) -> Bool:
    shape = picture.shape[0], picture.shape[1]
    part = _enlarged(coefficients, tile, shape)
    estimate = np.einsum("ijk,ijk->ij", part[..., :3], picture[tile].astype(np.float32)) + part[..., 3]
    band = _enlarged(unsure.astype(np.float32), tile, shape) > 0.5
    rough = _enlarged(small.astype(np.float32), tile, shape)
    return np.where(band, estimate, rough) > 0.5


def _enlarged(values: F32, tile: Tile, shape: tuple[int, int]) -> F32:
    """Return a tile of the values enlarged to a shape, interpolated between pixel centres."""
    y, x = (few / many for few, many in zip(values.shape, shape, strict=False))
    top, left = tile[0].start, tile[1].start
    matrix = np.array([[x, 0, (left + 0.5) * x - 0.5], [0, y, (top + 0.5) * y - 0.5]])
    size = tile[1].stop - left, tile[0].stop - top
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(values, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
