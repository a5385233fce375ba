"""Predict a smooth field inside a hole from noisy samples around it.

Kriging (Matheron, "Principles of geostatistics", 1963), also known as Gaussian process regression. The correlation
length and the noise of the samples are chosen by maximum likelihood (Rasmussen and Williams, "Gaussian Processes for
Machine Learning", 2006, chapter 5): fewer and noisier samples are extrapolated less.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

REACHES = (0.6, 1.0, 1.5, 2.2, 3.3, 5.0, 8.0)
"""Candidate correlation lengths, in units of the samples' coordinates."""

NOISES = tuple(float(v) for v in 10.0 ** np.arange(-6, 1.01, 0.5))
"""Candidate variances of a sample of quality 1, relative to the field's variance."""

VAGUE = 1e4
"""Prior variance of the mean and of the slope, relative to the field's variance: practically unconstrained."""

LEAST_POWER = 1e-9


@dataclass(frozen=True)
class Field:
    """A smooth field fitted at N points, for any values at them.

    at: (N, 2), the points. reach: the correlation length. noise: the variance of a sample, relative to the field's.
    solver: (N, N), turns values at the points into weights. quality: (N,), relative variances of the samples.
    """

    at: F64
    reach: float
    noise: float
    solver: F64
    quality: F64

    def weights(self, values: F64) -> F64:
        """Turn values (N, C) at the points, minus their mean, into the weights of the points."""
        weights: F64 = self.solver @ values
        return weights

    def residual(self, values: F64) -> F64:
        """The difference of values (N, C), minus their mean, from the field."""
        return self.noise * self.quality[:, None] * self.weights(values)

    def surprise(self, values: F64) -> F64:
        """The leave-one-out error of values (N, C), minus their mean: each one's difference from the others' field."""
        return self.weights(values) / np.diag(self.solver)[:, None]

    def on_grid(self, weights: F64, ys: F64, xs: F64) -> F64:
        """Evaluate the field with weights (N,) where rows `ys` (H,) and columns `xs` (W,) cross: (H, W)."""
        down = self._alike(ys, self.at[:, 0]) * weights
        slope = VAGUE * (self.at.T @ weights)
        plane: F64 = down @ self._alike(xs, self.at[:, 1]).T
        plane += ys[:, None] * slope[0] + xs[None] * slope[1] + VAGUE * weights.sum()
        return plane

    def _alike(self, one: F64, other: F64) -> F64:
        return np.asarray(np.exp(-((one[:, None] - other) ** 2) / (2 * self.reach**2)), np.float64)


def fit(at: F64, values: F64, variance: F64) -> Field:
    """Fit the field of greatest likelihood for values (N, C), minus their mean, at points (N, 2).

    variance: (N,), of the samples relative to each other.
    """
    quality = variance / variance.mean()
    scale = np.sqrt(quality)[:, None]
    _, reach, noise, spectrum, vectors = _likeliest(at, values / scale, scale)
    inverse = vectors / scale
    return Field(at, reach, noise, (inverse / spectrum) @ inverse.T, quality)


_Candidate = tuple[float, float, float, F64, F64]
"""Cost (-2 log likelihood), reach, noise, and the eigendecomposition of the covariance."""


def _likeliest(at: F64, whitened: F64, scale: F64) -> _Candidate:
    """The candidate of the lowest cost; once a longer reach raises the cost, even longer ones are not tried."""
    gaps = ((at[:, None] - at[None]) ** 2).sum(axis=2)
    best: _Candidate | None = None
    for reach in REACHES:
        covariance = np.exp(-gaps / (2 * reach**2))
        found = min(_candidates(at, covariance, reach, whitened, scale), key=lambda candidate: candidate[0])
        if best and found[0] >= best[0]:
            break
        best = found
    assert best is not None  # there are reaches
    return best


def _candidates(at: F64, covariance: F64, reach: float, whitened: F64, scale: F64) -> Iterator[_Candidate]:
    """The candidates of one reach, one per noise."""
    count, channels = whitened.shape
    vague = VAGUE * (at @ at.T + 1)
    values, vectors = np.linalg.eigh((covariance + vague) / scale / scale.T)
    turned = (vectors.T @ whitened) ** 2
    for noise in NOISES:
        spectrum = np.maximum(values, 0) + noise
        power = np.maximum((turned / spectrum[:, None]).mean(axis=0), LEAST_POWER)
        cost = channels * float(np.log(spectrum).sum()) + count * float(np.log(power).sum())
        yield cost, reach, noise, spectrum, vectors
