"""Compute new quantised coefficients for the blocks of a JPEG that a hole touches."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.jpeg.frame import BLOCK, ColourSpace, Frame

Pixels: TypeAlias = NDArray[np.uint8]
Hole: TypeAlias = NDArray[np.bool_]
Real: TypeAlias = NDArray[np.float32]
Coefficients: TypeAlias = NDArray[np.int16]

_LARGEST = 1023  # largest AC coefficient of 8-bit Huffman coding (T.81, F.1.2.2)

# Each component is an affine function of the pixel that Pillow decodes: a row of weights, then an offset; ITU-T T.871
# for YCbCr. Pillow returns CMYK in Adobe's polarity: 255 minus the stored value.
_GREY = ((1.0, 0.0),)
_RGB = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0))
_YCC = (
    (0.299, 0.587, 0.114, 0.0),
    (-0.299 / 1.772, -0.587 / 1.772, 0.5, 128.0),
    (0.5, -0.587 / 1.402, -0.114 / 1.402, 128.0),
)
_CMYK = tuple((*(-1.0 if channel == at else 0.0 for channel in range(4)), 255.0) for at in range(4))
_YCCK = (*((*row[:3], 0.0, row[3]) for row in _YCC), (0.0, 0.0, 0.0, -1.0, 255.0))
_WEIGHTS = {
    ColourSpace.GREY: _GREY,
    ColourSpace.RGB: _RGB,
    ColourSpace.YCC: _YCC,
    ColourSpace.CMYK: _CMYK,
    ColourSpace.YCCK: _YCCK,
}


def _cosines() -> Real:
    """Return the 64 x 64 matrix that turns a block's samples into its coefficients (T.81, A.3.3), both row-major."""
    at = np.arange(BLOCK)
    line = np.cos((2 * at + 1) * at[:, None] * np.pi / (2 * BLOCK)) / 2
    line[0] /= np.sqrt(2)
    return np.kron(line, line).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Plane:
    """One component of the upright picture.

    across, down: how many pixels one sample spans. steps: 64 float32 quantisation steps, row-major.
    weights: of the pixel's channels. shift: what is added, level shift included.
    """

    across: int
    down: int
    steps: Real
    weights: Real
    shift: float


def planes_of(frame: Frame, transposed: bool) -> list[Plane]:
    """Return the components of a regular frame after the picture is turned upright."""
    upright = frame.upright(transposed)
    planes = []
    for component, row in zip(upright.components, _WEIGHTS[frame.colours], strict=True):
        across, down = upright.most_across // component.across, upright.most_down // component.down
        steps = upright.tables[component.table].astype(np.float32).reshape(64)
        planes.append(Plane(across, down, steps, np.array(row[:-1], np.float32), row[-1] - 128))
    return planes


class BlockFiller:
    """Fills the hole in rows of quantised blocks; blocks without a pixel of the hole are unchanged."""

    def __init__(self, planes: list[Plane], filled: Pixels, hole: Hole, start: tuple[int, int] = (0, 0)) -> None:
        """Prepare to fill a hole (H x W) of the upright picture.

        filled: the picture around the hole, in whole blocks or up to its border; rows x columns (x channels) as Pillow
        decodes it. start: the first row and column in it.
        """
        self._planes = planes
        filled = filled if filled.ndim == 3 else filled[:, :, None]
        # Swapping the weights is less work than swapping the channels of a view.
        self._order = -1 if filled.strides[2] < 0 else 1
        self._filled = filled[..., :: self._order]
        self._hole = hole
        self._start = start
        self._forward = _cosines()
        self._touched = {size: touched_blocks(hole, *size) for size in {(each.down, each.across) for each in planes}}
        self._edited = {
            size: set(np.flatnonzero(touched.any(axis=1)).tolist()) for size, touched in self._touched.items()
        }

    def has_edits(self, component: int, row: int) -> bool:
        """Whether a row of blocks has any that `edit` changes."""
        plane = self._planes[component]
        return row in self._edited[plane.down, plane.across]

    def edit(self, component: int, row: int, blocks: Coefficients) -> None:
        """Update the touched blocks of one row of blocks (N x 64) in place."""
        plane = self._planes[component]
        touched = np.flatnonzero(self._touched[plane.down, plane.across][row])
        if not touched.size:
            return
        first, last = int(touched[0]), int(touched[-1]) + 1
        wanted, share = self._samples(plane, row, first, last)
        if touched.size == last - first:
            blocks[first:last] = self._coefficients(plane, blocks[first:last], wanted, share)
        else:
            chosen = touched - first
            blocks[touched] = self._coefficients(plane, blocks[touched], wanted[chosen], share[chosen])

    def _samples(self, plane: Plane, row: int, first: int, last: int) -> tuple[Real, Real]:
        """Return the wanted samples of blocks first..last-1 of a row, and the hole's share of each sample (N x 64)."""
        height, width = plane.down * BLOCK, plane.across * BLOCK
        hole = self._hole[row * height : (row + 1) * height, first * width : last * width]
        top, left = row * height - self._start[0], first * width - self._start[1]
        pixels = np.ascontiguousarray(self._filled[top : top + hole.shape[0], left : left + hole.shape[1]])
        values = pixels @ plane.weights[:: self._order] + np.float32(plane.shift)
        share = hole.astype(np.float32)
        margin = ((0, height - hole.shape[0]), (0, (last - first) * width - hole.shape[1]))
        if any(after for _, after in margin):
            values, share = np.pad(values, margin, "edge"), np.pad(share, margin, "edge")
        if plane.down * plane.across > 1:
            total = _box_sum(share, plane)
            values = _box_sum(values * share, plane) / np.maximum(total, 1)
            share = total / np.float32(plane.down * plane.across)
        return _as_blocks(values), _as_blocks(share)

    def _coefficients(self, plane: Plane, old: Coefficients, wanted: Real, share: Real) -> Coefficients:
        """Quantise a mix of the old coefficients' samples, unrounded and unclipped, and the wanted samples of the hole.

        Using coefficients instead of decoded pixels avoids a second rounding, and upsampling and downsampling of the
        chroma. Of blocks that are in the hole as a whole, nothing is mixed.
        """
        mixed = np.flatnonzero(share.min(axis=1) < 1)
        if mixed.size:
            before: Real = (old[mixed].astype(np.float32) * plane.steps).dot(self._forward)
            wanted[mixed] = before + share[mixed] * (wanted[mixed] - before)
        levels = wanted.dot(self._forward.T)
        levels /= plane.steps
        np.rint(levels, out=levels)
        np.minimum(levels, _LARGEST, out=levels)
        np.maximum(levels, -_LARGEST, out=levels)
        quantised: Coefficients = levels.astype(np.int16)
        return quantised


def touched_blocks(hole: Hole, down: int, across: int) -> Hole:
    """Return which blocks of a component contain a pixel of the hole; blocks span 8·down x 8·across pixels."""
    tall, wide = BLOCK * down, BLOCK * across
    rows, columns = -(-hole.shape[0] // tall), -(-hole.shape[1] // wide)
    touched = np.zeros((rows, columns), dtype=np.bool_)
    for row in range(rows):
        strip = hole[row * tall : (row + 1) * tall]
        if strip.any():
            seen = np.logical_or.reduce(strip, axis=0)
            touched[row] = np.logical_or.reduceat(seen, np.arange(0, seen.size, wide))
    return touched


def _box_sum(samples: Real, plane: Plane) -> Real:
    """Return the sums of down x across samples, added as strips: much faster than a sum over two axes at once."""
    rows: Real = sum(samples[at :: plane.down] for at in range(1, plane.down)) + samples[:: plane.down]
    total: Real = sum(rows[:, at :: plane.across] for at in range(1, plane.across)) + rows[:, :: plane.across]
    return total


def _as_blocks(samples: Real) -> Real:
    """Reshape an 8 x 8N strip to N x 64."""
    return samples.reshape(BLOCK, -1, BLOCK).transpose(1, 0, 2).reshape(-1, BLOCK * BLOCK)
