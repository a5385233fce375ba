"""The perceptual distance LPIPS as a loss (Zhang et al., CVPR 2018; AlexNet features, version 0.1)."""

from __future__ import annotations

import pathlib

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

CONVOLUTIONS = ((4, 2), (1, 2), (1, 1), (1, 1), (1, 1))
"""Stride and padding of AlexNet's convolutions."""

POOLED = (1, 2)
"""Layers that see the 3x3 maximum, stride 2, of the layer before."""

MEAN = (-0.030, -0.088, -0.188)
SPREAD = (0.458, 0.448, 0.450)


class Lpips(nn.Module):
    """The distance of two batches of pictures, with fixed weights."""

    def __init__(self, weights: pathlib.Path) -> None:
        """weights: .npz with w0..w4, b0..b4 (convolutions) and l0..l4 (1xCx1x1 weights of the features)."""
        super().__init__()
        with np.load(weights) as arrays:
            for name in arrays.files:
                self.register_buffer(name, torch.from_numpy(arrays[name].astype(np.float32)))
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("spread", torch.tensor(SPREAD).view(1, 3, 1, 1))

    def forward(self, image: Tensor, truth: Tensor) -> Tensor:
        """The mean distance of two Nx3xHxW RGB batches in 0..1; gradients reach `image` only."""
        with torch.no_grad():
            wanted = self.features(truth)
        distance = torch.zeros((), device=image.device)
        for number, (found, want) in enumerate(zip(self.features(image), wanted, strict=True)):
            weight = self.get_buffer(f"l{number}")
            distance = distance + functional.conv2d((found - want) ** 2, weight.to(found.dtype)).float().mean()
        return distance

    def features(self, image: Tensor) -> list[Tensor]:
        """Each layer's features, of length 1 in every place."""
        x = (image * 2 - 1 - self.get_buffer("mean")) / self.get_buffer("spread")
        found = []
        for number, (stride, padding) in enumerate(CONVOLUTIONS):
            if number in POOLED:
                x = functional.max_pool2d(x, 3, 2)
            weight, bias = self.get_buffer(f"w{number}"), self.get_buffer(f"b{number}")
            x = functional.relu(functional.conv2d(x, weight, bias, stride, padding))
            found.append(x * torch.rsqrt(x.float().pow(2).sum(1, keepdim=True) + 1e-8))
        return found
