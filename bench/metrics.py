"""How good a fill looks: LPIPS and PSNR against the photograph that was there.

LPIPS: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018, version 0.1
with AlexNet features. It needs torch and a file of weights.
"""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

LAYERS = 5
CONVOLUTIONS = ((4, 2), (1, 2), (1, 1), (1, 1), (1, 1))
"""Stride and padding of AlexNet's convolutions."""

POOLED = (1, 2)
"""Layers that see the 3x3 maximum, stride 2, of the layer before."""

MEAN = (-0.030, -0.088, -0.188)
SPREAD = (0.458, 0.448, 0.450)

LEAST_SIDE = 64
MARGIN = 32


def psnr(hole: NDArray[np.bool_], truth: NDArray[np.uint8], result: NDArray[np.uint8]) -> float:
    """PSNR in dB over the hole's pixels (HxW bool) of two HxWx3 pictures."""
    error = truth[hole].astype(np.float64) - result[hole]
    return float(10 * np.log10(255**2 / max(1e-9, float(np.mean(error**2)))))


def box_around(hole: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The hole's box with MARGIN pixels around it, at least LEAST_SIDE long where the picture is."""
    spans = []
    for axis, length in enumerate(hole.shape):
        places = np.flatnonzero(hole.any(axis=1 - axis))
        start, stop = int(places[0]) - MARGIN, int(places[-1]) + 1 + MARGIN
        missing = max(0, LEAST_SIDE - (min(stop, length) - max(start, 0)))
        spans.append(slice(max(0, start - missing), min(length, stop + missing)))
    return spans[0], spans[1]


class Lpips:
    """The distance, with the network in memory."""

    def __init__(self, weights: pathlib.Path) -> None:
        """weights: .npz with w0..w4, b0..b4 (convolutions) and l0..l4 (1xCx1x1 weights of the features).

        Raises ImportError without torch, OSError when the file cannot be read.
        """
        import torch

        torch.set_num_threads(1)
        self._torch = torch
        with np.load(weights) as arrays:
            self._w, self._b, self._l = (
                [torch.from_numpy(arrays[f"{name}{i}"]) for i in range(LAYERS)] for name in "wbl"
            )

    def __call__(self, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
        """LPIPS between two HxWx3 BGR pictures of one size, each side at least LEAST_SIDE; 0 is equal."""
        with self._torch.no_grad():
            pairs = zip(self._features(a), self._features(b), self._l, strict=True)
            return float(sum(self._torch.nn.functional.conv2d((p - q) ** 2, w).mean() for p, q, w in pairs))

    def _features(self, picture: NDArray[np.uint8]) -> list[Any]:
        """Each layer's features, of length 1 in every place."""
        function = self._torch.nn.functional
        rgb = picture[:, :, ::-1].astype(np.float32) / 127.5 - 1
        x = self._torch.from_numpy(((rgb - MEAN) / SPREAD).astype(np.float32).transpose(2, 0, 1)[None].copy())
        found = []
        for i, (stride, padding) in enumerate(CONVOLUTIONS):
            if i in POOLED:
                x = function.max_pool2d(x, 3, 2)
            x = function.relu(function.conv2d(x, self._w[i], self._b[i], stride, padding))
            found.append(x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10))
        return found
