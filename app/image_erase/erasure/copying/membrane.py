"""Solve the Poisson equation on a hole: the smooth correction that hides the seams between copied parts.

Perez, Gangnet and Blake, "Poisson Image Editing", SIGGRAPH 2003; solved by multigrid (Briggs, Henson and McCormick,
"A Multigrid Tutorial", 2000) on dense planes, which for one big hole is faster than sparse conjugate gradients.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, Bool
from image_erase.erasure.reduction import halved

TURNS = ((2, 2), (1, 2, 2), ())
"""By coarseness: iterations of conjugate gradients on the finest grid and on the next ones, each of which costs a
quarter. All further grids get one multigrid cycle. Mean errors on a hole of 1.5 million pixels, where the mean
correction was 5.3 grey levels: 0.5, 0.7 and 1.8."""

SWEEPS = 2
DAMPING = 0.8
"""Jacobi sweeps before and after each visit to the coarser grids."""

SMALLEST = 4
"""Side in pixels of the coarsest grid, which a few sweeps solve well enough."""

_CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32)


class Membrane:
    """The grids for one hole; solve() may be called for several right-hand sides."""

    def __init__(self, hole: Bool) -> None:
        """hole: HxW bool. The correction is 0 outside it, and unconstrained at the border of the array."""
        self._inside: list[Bool] = [hole]
        self._steps: list[F32] = [_jacobi_step(hole)]
        while min(self._inside[-1].shape) > SMALLEST:
            coarse = _quarters(self._inside[-1].astype(np.float32)) == 1
            if not coarse.any():
                break
            self._inside.append(coarse)
            self._steps.append(_jacobi_step(coarse))

    def solve(self, divergence: F32, coarseness: int = 0) -> F32:
        """The field f (HxW, 0 outside the hole) whose sum of (f[p] - f[q]) over p's neighbours q is divergence[p].

        coarseness: an index of TURNS; higher is faster and less exact.
        """
        return self._solved(divergence * self._inside[0], 0, TURNS[coarseness])

    def _solved(self, divergence: F32, level: int, turns: Sequence[int]) -> F32:
        return (self._conjugate if level < len(turns) else self._cycle)(divergence, level, turns)

    def _conjugate(self, divergence: F32, level: int, turns: Sequence[int]) -> F32:
        """Conjugate gradients with one multigrid cycle as preconditioner.

        The coarse grids have only a rough outline of the hole; the line search compensates for that.
        """
        field, residual = np.zeros_like(divergence), divergence.copy()
        direction, slope = np.zeros_like(divergence), 1.0
        for _ in range(turns[level]):
            step = self._cycle(residual, level, turns)
            before, slope = slope, float(np.vdot(residual, step))
            if slope <= 0:
                break
            direction = cv2.scaleAdd(direction, slope / before, step).astype(np.float32, copy=False)
            applied = self._applied(direction, level)
            length = slope / max(float(np.vdot(direction, applied)), 1e-20)
            cv2.scaleAdd(direction, length, field, field)
            cv2.scaleAdd(applied, -length, residual, residual)
        return field

    def _cycle(self, divergence: F32, level: int, turns: Sequence[int]) -> F32:
        """An approximate solution on one grid, starting at 0, by way of the coarser grids."""
        field = self._smooth(np.zeros_like(divergence), divergence, level)
        if level + 1 < len(self._inside):
            self._correct(field, divergence, level, turns)
        return self._smooth(field, divergence, level)

    def _correct(self, field: F32, divergence: F32, level: int, turns: Sequence[int]) -> None:
        """Add the correction of the remaining residual, solved on the next coarser grid, to `field`."""
        missing = (divergence - self._applied(field, level)) * self._inside[level]
        coarse = self._solved(4 * _quarters(missing), level + 1, turns)
        up = cv2.resize(coarse, (2 * coarse.shape[1], 2 * coarse.shape[0]), interpolation=cv2.INTER_LINEAR)
        field += up[: field.shape[0], : field.shape[1]] * self._inside[level]

    def _smooth(self, field: F32, divergence: F32, level: int) -> F32:
        """Damped Jacobi sweeps, in place; `_steps` is damping / degree inside the hole and 0 outside."""
        step = self._steps[level]
        for _ in range(SWEEPS):
            change = _around(field)
            cv2.add(change, divergence, change)
            cv2.multiply(change, step, change)
            field *= np.float32(1 - DAMPING)
            cv2.add(field, change, field)
        return field

    def _applied(self, field: F32, level: int) -> F32:
        """The sum of (field[p] - field[q]) over p's neighbours q, inside the hole."""
        inside = self._inside[level]
        applied = np.divide(field, self._steps[level], out=np.zeros_like(field), where=inside)
        applied *= np.float32(DAMPING)
        applied -= _around(field)
        applied *= inside
        return applied


def _around(field: F32) -> F32:
    """The sum of the four neighbours; beyond the array they count as 0."""
    return cv2.filter2D(field, -1, _CROSS, borderType=cv2.BORDER_CONSTANT).astype(np.float32, copy=False)


def _quarters(plane: F32) -> F32:
    """Means of 2x2 squares; an odd last row or column is padded with zeros."""
    return halved(plane, cv2.BORDER_CONSTANT)


def _jacobi_step(inside: Bool) -> F32:
    """Damping divided by the number of neighbours, 0 outside the hole."""
    neighbours = np.full(inside.shape, 4, np.float32)
    neighbours[0] -= 1
    neighbours[-1] -= 1
    neighbours[:, 0] -= 1
    neighbours[:, -1] -= 1
    return (inside * np.float32(DAMPING) / np.maximum(neighbours, 1)).astype(np.float32)
