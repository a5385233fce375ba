"""Parts of a picture, as boxes of rows and columns."""

from dataclasses import dataclass

import numpy as np

from image_erase.imaging.picture import Box, Pixels, is_transposed, reversed_axes

# Blocks of a JPEG with chroma subsampled by four span 32 pixels.
_GRID = 32
# A part is copied out of the decoded picture.
_WORTH = 0.75


@dataclass(frozen=True)
class Area:
    """A part of a picture, aligned to the blocks of a JPEG or the borders of the picture.

    upright, stored: its rows and columns in the upright picture, and in the picture as the file stores it.
    """

    upright: Box
    stored: Box

    @property
    def pixels(self) -> int:
        """How many pixels it has."""
        rows, columns = self.upright
        return int((rows.stop - rows.start) * (columns.stop - columns.start))


def area_of(part: Box | None, stored_size: tuple[int, int], orientation: int) -> Area | None:
    """Return the area around a part of the upright picture; None for all of it, or if an area would save nothing.

    stored_size: width and height in pixels. orientation: EXIF's, 1 to 8.
    """
    if part is None:
        return None
    lengths = stored_size if is_transposed(orientation) else stored_size[::-1]
    rows, columns = (_outwards(each, length) for each, length in zip(part, lengths, strict=True))
    if (rows.stop - rows.start) * (columns.stop - columns.start) > _WORTH * lengths[0] * lengths[1]:
        return None
    return Area((rows, columns), _stored((rows, columns), lengths, orientation))


def _outwards(part: slice, length: int) -> slice:
    return slice(part.start // _GRID * _GRID, min(-(-part.stop // _GRID) * _GRID, length))


def _stored(box: Box, lengths: tuple[int, int], orientation: int) -> Box:
    """Invert `turned`: first the flips, then the transposition."""
    sides = list(box)
    for axis in reversed_axes(orientation):
        sides[axis] = slice(lengths[axis] - box[axis].stop, lengths[axis] - box[axis].start)
    return (sides[1], sides[0]) if is_transposed(orientation) else (sides[0], sides[1])


def extent_of(pixels: Pixels, least: int = 1, margin: int = 0) -> Box | None:
    """Return the rows and columns of HxW or HxWxC in which any sample is at least `least`; None if there are none.

    margin: pixels added on every side, clipped to the array.
    """
    rows = np.flatnonzero(_most(pixels, 1) >= least)
    if not rows.size:
        return None
    top, bottom = max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin
    columns = np.flatnonzero(_most(pixels[top:bottom], 0) >= least)
    return slice(top, min(bottom, len(pixels))), slice(
        max(0, int(columns[0]) - margin), min(int(columns[-1]) + 1 + margin, pixels.shape[1])
    )


def _most(pixels: Pixels, axis: int) -> Pixels:
    """Return the largest sample of each row (axis 1) or column (axis 0)."""
    most: Pixels = pixels.reshape(*pixels.shape[:2], -1).max(axis=axis).max(axis=1)
    return most
