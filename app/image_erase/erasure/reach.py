"""The part of a picture that is needed to fill a hole."""

from __future__ import annotations

import math

import numpy as np

from image_erase.erasure import diffusion, inference, regions
from image_erase.erasure.arrays import Bool
from image_erase.erasure.canvas import guess_factor
from image_erase.erasure.context import NEAR, context
from image_erase.erasure.regions import Box, Region

_SLACK = 1.1
"""Tolerance for the greatest width of a region, which is measured approximately."""


def reach(hole: Bool, *, copies: bool, asks_network: bool) -> Box:
    """The rows and columns needed to fill `hole` (HxW), or more; everything if the hole is empty.

    A crop to them gives the same result as the whole picture: no context ends at the crop unless it ends at the
    picture. copies, asks_network: the engines that may be used in addition to diffusion.
    """
    boxes = [
        regions.with_context(part, _margin(part, hole, copies=copies, asks_network=asks_network), hole.shape[:2]).box
        for part in regions.group(hole, NEAR)
    ]
    if not boxes:
        return slice(0, hole.shape[0]), slice(0, hole.shape[1])
    rows, columns = zip(*boxes, strict=True)
    return _around(rows), _around(columns)


def _margin(part: Region, hole: Bool, *, copies: bool, asks_network: bool) -> int:
    reduction = math.ceil(math.sqrt(np.count_nonzero(hole) / diffusion.MOST_AREA))
    margin = diffusion.REACH * max(guess_factor(hole), reduction)
    if copies:
        width = _SLACK * (min(part.hole.shape) + 1)
        margin = max(margin, math.ceil(context(width)))
    if asks_network:
        margin = max(margin, inference.side_of(part))
    return margin + 1


def _around(spans: tuple[slice, ...]) -> slice:
    return slice(min(each.start for each in spans), max(each.stop for each in spans))
