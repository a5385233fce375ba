"""Copy the chosen pixels, and blend the seams between copies from different places."""

from dataclasses import dataclass

import numpy as np

from image_erase.erasure.arrays import (
    F32,
    Bool,
    Check,
    Hurried,
    Index,
    Pixels,
    fitted,
    full_scale,
    never_hurried,
    no_check,
)
from image_erase.erasure.copying.sources import SourceMap

MOST_ITERATIONS = 60
EDGE = 120.0  # grey levels (of 255); half of a jump of this size is smoothed away
GOOD_ENOUGH = 3e-3  # of the first residual


def render(
    image: Pixels, hole: Bool, sources: SourceMap, check: Check = no_check, hurried: Hurried = never_hurried
) -> Pixels:
    """Copy every channel of HxWxC `image` from the sources, seams blended.

    image: uint8, uint16, or float32 with white at 255. Pixels outside the hole are unchanged. Poisson image editing,
    Perez et al. 2003, with the gradients of both sources averaged where neighbours copy from different places. Once
    `hurried`, blending stops at the current approximation.
    """
    result = image.copy()
    if not len(sources.ys):
        return result
    copied = image[sources.sy, sources.sx]
    graph = _Graph.of(hole, sources)
    jumps = _jumps(image, hole, sources, check)
    correction = _conjugate_gradients(graph, jumps, check, hurried)
    result[sources.ys, sources.xs] = fitted(copied + correction.T, image.dtype)
    return result


@dataclass(frozen=True)
class _Graph:
    """The hole's N pixels, row by row, and their neighbours.

    left, right: float32 (N,), 1 where the previous or next pixel of the row belongs to the hole too. above, below:
    indices of the neighbours in the column, N where there is none. degree: the number of neighbours inside the picture.
    """

    left: F32
    right: F32
    above: Index
    below: Index
    degree: F32

    @classmethod
    def of(cls, hole: Bool, sources: SourceMap) -> "_Graph":
        h, w = hole.shape
        y, x = sources.ys.astype(np.intp), sources.xs.astype(np.intp)
        n = len(y)
        number = np.full((h + 2, w + 2), n, np.intp)
        number[y + 1, x + 1] = np.arange(n)
        flat = (y + 1) * (w + 2) + x + 1
        left, right, above, below = (number.take(flat + step) for step in (-1, 1, -w - 2, w + 2))
        inside = (x > 0).astype(np.float32) + (x < w - 1) + (y > 0) + (y < h - 1)
        return cls((left < n).astype(np.float32), (right < n).astype(np.float32), above, below, inside)

    def applied(self, c: F32) -> F32:
        """The Laplacian of one channel: degree * c minus the sum of c over the neighbours; (N,) float32."""
        out = self.degree * c
        out[1:] -= c[:-1] * self.left[1:]
        out[:-1] -= c[1:] * self.right[:-1]
        closed = np.append(c, np.float32(0))
        out -= closed.take(self.above)
        out -= closed.take(self.below)
        return out


def _jumps(image: Pixels, hole: Bool, sources: SourceMap, check: Check) -> F32:
    """The error of each copied pixel's steps to its four neighbours: (C, N) float32.

    A step should be the same as at the source: at the sources of both sides, averaged, if both are known. Indices are
    those of the picture with a border of one pixel, so that every pixel has four neighbours.
    """
    wide = hole.shape[1] + 2
    inside = np.pad(np.ones(hole.shape, bool), 1).ravel()
    known = np.pad(~hole, 1).ravel()
    place = (sources.ys.astype(np.intp) + 1) * wide + sources.xs + 1
    source = np.arange(len(known))  # a known pixel is its own source
    source[place] = (sources.sy.astype(np.intp) + 1) * wide + sources.sx + 1
    out = np.zeros((image.shape[2], len(place)), np.float32)
    for move in (-1, 1, -wide, wide):
        check()
        here, there = source.take(place), source.take(place + move)
        seam = np.flatnonzero((there != here + move) & inside.take(place + move))
        here, there = here.take(seam), there.take(seam)
        ahead, back = here + move, there - move
        at_here, at_there = _read(image, here), _read(image, there)
        sees_ahead, sees_back = known.take(ahead).astype(np.float32), known.take(back).astype(np.float32)
        told = sees_ahead * (_read(image, ahead) - at_here) + sees_back * (at_there - _read(image, back))
        votes = sees_ahead + sees_back
        jump = np.where(votes > 0, at_there - at_here - told / np.maximum(votes, 1), 0)
        out[:, seam] += jump * _smoothing(jump, full_scale(image.dtype))
    return out


def _read(image: Pixels, place: Index) -> F32:
    """The image at indices of the picture with its border, which repeats the edge: (C, M) float32."""
    h, w = image.shape[:2]
    y, x = np.divmod(place, w + 2)
    flat = np.clip(y - 1, 0, h - 1) * w + np.clip(x - 1, 0, w - 1)
    return np.asarray(image.reshape(h * w, -1).take(flat, axis=0).T, np.float32)


def _smoothing(jumps: F32, most: float) -> F32:
    """The share (0..1) of each of the jumps (C, M) to smooth away; the largest are edges and must not bleed."""
    size = np.abs(jumps).max(axis=0) * (255 / most)
    return np.asarray(1 / (1 + (size / EDGE) ** 4), np.float32)


def _conjugate_gradients(graph: _Graph, jumps: F32, check: Check, hurried: Hurried) -> F32:
    """The correction (C, N) whose Laplacian is the jumps, zero outside the hole."""
    return np.stack([_solve_channel(graph, jump, check, hurried) for jump in jumps])


def _solve_channel(graph: _Graph, jump: F32, check: Check, hurried: Hurried) -> F32:
    correction = np.zeros_like(jump)
    residual, direction = jump.copy(), jump.copy()
    energy = float(residual @ residual)
    goal = energy * GOOD_ENOUGH**2
    for _ in range(MOST_ITERATIONS):
        check()
        if energy <= goal or hurried():
            break
        applied = graph.applied(direction)
        step = np.float32(energy / max(float(direction @ applied), 1e-20))
        correction += step * direction
        residual -= step * applied
        before, energy = energy, float(residual @ residual)
        direction *= np.float32(energy / before)
        direction += residual
    return correction
