"""The critic: tells laid-out holes from photographs, piece by piece, so that layouts do not blur."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
"""Of the leaky rectifier."""


class Critic(nn.Module):
    """Scores of overlapping pieces of about 50 px; higher means more like a photograph."""

    def __init__(self, width: int) -> None:
        """width: channels of the first layer."""
        super().__init__()
        shapes = [(4, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 2), (4 * width, 4 * width, 1)]
        self.layers = nn.ModuleList(_normal(nn.Conv2d(i, o, 4, s, 1)) for i, o, s in shapes)
        self.score = _normal(nn.Conv2d(4 * width, 1, 3, 1, 1))

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Nx3xSxS and Nx1xSxS to Nx1xhxw scores and every layer's features."""
        x, features = torch.cat([image - 0.5, mask], 1), []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return self.score(x), features


def _normal(layer: nn.Module) -> nn.Module:
    """The layer with spectral normalisation."""
    return nn.utils.parametrizations.spectral_norm(layer)
