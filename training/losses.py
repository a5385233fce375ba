"""What training makes small."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from .network import DOUBTFUL

LEAST_HOLE = 0.02
"""Share of the area that smaller holes are weighted like."""

SIZES = ((1, 0.5), (4, 0.5), (8, 1.0))
"""Sides of the squares, in px, over which errors are averaged first, and the weight of each."""

NEIGHBOURHOOD = 9
"""Side of the window, in px, whose mean error the confidence is about."""

LEAST_ERROR = 1e-3


def per_hole(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of Nx1xHxW or Nx3xHxW values that are 0 outside the holes, over the holes' area."""
    area = mask.mean((1, 2, 3), keepdim=True).clamp_min(LEAST_HOLE)
    return (values / area).mean()


def at_sizes(error: Tensor, mask: Tensor, sizes: Sequence[tuple[int, float]] = SIZES) -> Tensor:
    """The weighted sum of absolute errors after averaging over squares. error: Nx3xHxW, 0 outside the hole."""
    total = torch.zeros((), device=error.device)
    for size, weight in sizes:
        smooth = functional.avg_pool2d(error, size) if size > 1 else error
        total = total + weight * per_hole(smooth.abs(), mask)
    return total


def doubt(trust: Tensor, error: Tensor, mask: Tensor) -> Tensor:
    """The negative logarithmic likelihood (Laplace) of the errors that were made, if those expected were true.

    trust: Nx1xhxw, the logarithm of DOUBTFUL / expected error, at a quarter of the resolution. error: Nx3xHxW, 0
    outside the hole; no gradient goes back through it.
    """
    window = (NEIGHBOURHOOD, 1, NEIGHBOURHOOD // 2)
    made = functional.avg_pool2d(error.detach(), *window).abs().mean(1, keepdim=True)
    trust = functional.interpolate(trust, scale_factor=4.0, mode="bilinear")
    likely = (made + LEAST_ERROR) / DOUBTFUL * torch.exp(trust) - trust
    return per_hole(likely * mask, mask)


def alike(features: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """The mean difference of a critic's features; gradients reach the first only."""
    differences = [(a.float() - b.detach().float()).abs().mean() for a, b in zip(features, wanted, strict=True)]
    return torch.stack(differences).mean()


def judged(real: Tensor, made: Tensor, mask: Tensor) -> Tensor:
    """The critic's own loss (hinge): pieces of a made picture are real where it has no hole."""
    hole = functional.interpolate(mask, made.shape[2:], mode="area")
    false = functional.relu(1 + made) * hole + functional.relu(1 - made) * (1 - hole)
    return functional.relu(1 - real).mean() + false.mean()
