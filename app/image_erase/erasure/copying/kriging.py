"""Predict a smooth field inside a hole from noisy samples around it.

Kriging (Matheron, "Principles of geostatistics", 1963), also known as Gaussian process regression. Over which
distance the field stays alike and how noisy the samples are is chosen by the likelihood of the samples (Rasmussen and
Williams, "Gaussian Processes for Machine Learning", 2006, chapter 5): the noisier they are and the fewer, the less is
extrapolated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

REACHES = (0.6, 1.0, 1.5, 2.2, 3.3, 5.0, 8.0)
"""Distances over which the field stays alike, in units of the samples' coordinates, that are tried."""

NOISES = tuple(float(v) for v in 10.0 ** np.arange(-6, 1.01, 0.5))
"""Variances of a sample of ordinary quality, in units of the field's, that are tried."""

VAGUE = 1e4
"""Variance of the mean and of the slope, in units of the field's: they may be anything."""

LEAST_POWER = 1e-9


@dataclass(frozen=True)
class Field:
    """A smooth field that is known at N places, for any values there.

    at: (N, 2). reach: how far the field stays alike. noise: the variance of a sample, in units of the field's.
    solver: (N, N), turns values at the places into weights. quality: (N,), relative variances of the samples.
    """

    at: F64
    reach: float
    noise: float
    solver: F64
    quality: F64

    def weights(self, values: F64) -> F64:
        """Turn values (N, C) at the places, less their mean, into the weights of the places."""
        weights: F64 = self.solver @ values
        return weights

    def residual(self, values: F64) -> F64:
        """By how much values (N, C), less their mean, differ from the field."""
        return self.noise * self.quality[:, None] * self.weights(values)

    def surprise(self, values: F64) -> F64:
        """By how much values (N, C), less their mean, differ from the field through all the others."""
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
    """Fit the field that makes values (N, C), less their mean, at places (N, 2) most likely.

    variance: (N,), of the samples relative to each other.
    """
    quality = variance / variance.mean()
    scale = np.sqrt(quality)[:, None]
    best = min(_candidates(at, values / scale, scale), key=lambda candidate: candidate[0])
    _, reach, noise, spectrum, vectors = best
    inverse = vectors / scale
    return Field(at, reach, noise, (inverse / spectrum) @ inverse.T, quality)


def _candidates(at: F64, whitened: F64, scale: F64) -> Iterator[tuple[float, float, float, F64, F64]]:
    """For every reach and noise the cost (-2 log likelihood), both, and the covariance's decomposition."""
    gaps = ((at[:, None] - at[None]) ** 2).sum(axis=2)
    vague = VAGUE * (at @ at.T + 1)
    count, channels = whitened.shape
    for reach in REACHES:
        values, vectors = np.linalg.eigh((np.exp(-gaps / (2 * reach**2)) + vague) / scale / scale.T)
        turned = (vectors.T @ whitened) ** 2
        for noise in NOISES:
            spectrum = np.maximum(values, 0) + noise
            power = np.maximum((turned / spectrum[:, None]).mean(axis=0), LEAST_POWER)
            cost = channels * float(np.log(spectrum).sum()) + count * float(np.log(power).sum())
            yield cost, reach, noise, spectrum, vectors
