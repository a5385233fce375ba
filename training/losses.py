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

MARGIN, LEAST_BOX = 1.3, 48.0
"""Side of the square around a hole that is looked at closely, as a multiple of its box, and the least, in px."""

CLOSE = 192
"""Side of such a square when it is enlarged, in px: about as large as it is in photographs in use."""


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


def close(images: Tensor, mask: Tensor) -> Tensor:
    """Squares of NxCxSxS around the holes of Nx1xSxS, enlarged: NxCxCLOSExCLOSE."""
    side = mask.shape[-1]
    centres, lengths = zip(*(_extent(mask.amax((1, axis))) for axis in (2, 3)), strict=True)
    length = (MARGIN * torch.maximum(*lengths)).clamp(LEAST_BOX, side) / side
    columns, rows = ((2 * centre / side - 1).clamp(length - 1, 1 - length) for centre in centres)
    nothing = torch.zeros_like(length)
    places = torch.stack([torch.stack([length, nothing, columns], 1), torch.stack([nothing, length, rows], 1)], 1)
    grid = functional.affine_grid(places, [len(mask), 1, CLOSE, CLOSE], align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _extent(present: Tensor) -> tuple[Tensor, Tensor]:
    """Middle and length of what is present in each row of NxS, from the first to the last 1; the whole row if empty."""
    places, side = torch.arange(present.shape[1], device=present.device), present.shape[1]
    first = torch.where(present > 0, places, side).amin(1)
    last = torch.where(present > 0, places + 1, 0).amax(1)
    return (first + last) / 2, torch.where(last > first, last - first, side).float()


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
