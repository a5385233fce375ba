"""How long copying takes, predicted from sizes alone: seconds on one core of about 3 GHz.

The same picture and hole always give the same prediction, so that plans made from it do not depend on the machine.
"""

from __future__ import annotations

import cv2
import numpy as np

from image_erase.erasure.regions import Region

PER_FILL = 0.03
PER_TARGET = 12e-6
PER_SOURCE = 0.4e-6
"""Per region; per reduced pixel whose patch touches the hole; per reduced context pixel."""

PER_CONTEXT_PIXEL = 0.06e-6
PER_BLOCK_PIXEL = 0.12e-6
"""If the picture is reduced: per full-resolution pixel of the region's box, and of its hole."""

PER_SAMPLE = (0.22e-6, 0.15e-6, 0.1e-6, 0.04e-6)
"""By coarseness: per full-resolution hole pixel and channel if the picture is reduced."""

PER_NATIVE_SAMPLE = 1e-6
"""Per hole pixel and channel if it is not."""

PATCH = 7
"""Side of the patches that are compared; a pixel closer to the hole than half of it has to be matched too."""


def searching(region: Region, factor: int, *, aligned: bool = True) -> float:
    """Predict the time for the search on a picture `factor` times smaller; for factor 1, painting is included.

    aligned: whether blocks are aligned afterwards.
    """
    small = np.ascontiguousarray(region.hole[::factor, ::factor])
    reached = cv2.dilate(small.view(np.uint8), np.ones((PATCH, PATCH), np.uint8))
    seconds = PER_FILL + PER_TARGET * int(np.count_nonzero(reached)) + PER_SOURCE * small.size
    if factor > 1:
        seconds += PER_CONTEXT_PIXEL * region.hole.size + PER_BLOCK_PIXEL * region.area * aligned
    return seconds


def painting(area: int, channels: int, factor: int, coarseness: int = 0) -> float:
    """Predict the time for copying a hole of `area` pixels in `channels` channels.

    coarseness: how roughly the seams are blended, 0 (exactly) to COARSEST (not at all). It makes no difference if the
    picture was not reduced.
    """
    return (PER_NATIVE_SAMPLE if factor == 1 else PER_SAMPLE[coarseness]) * area * channels


COARSEST = len(PER_SAMPLE) - 1
