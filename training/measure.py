"""Figures about layouts of crops that were held out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from . import losses
from .network import DOUBTFUL, LayoutNetwork, smooth_fill
from .perceptual import Lpips

BLOCKS = 8
"""Side in px of the squares over which the coarse error is averaged."""


@dataclass(frozen=True)
class Figures:
    """Means over the crops: absolute error in the hole, the same after averaging over squares of BLOCKS px, LPIPS
    (0 without a network for it), and the correlation of expected with made errors (0 without a confidence)."""

    error: float
    coarse: float
    lpips: float
    foresight: float

    def __str__(self) -> str:
        """One line for reports."""
        return (
            f"error {self.error:.4f}, coarse {self.coarse:.4f}, LPIPS {self.lpips:.4f}, foresight {self.foresight:.2f}"
        )


class Measure:
    """A measure of layouts for certain crops and holes."""

    def __init__(self, image: Tensor, mask: Tensor, lpips: Lpips | None = None) -> None:
        """image: Nx3xSxS RGB in 0..1. mask: Nx1xSxS, 1 in the hole."""
        self.image, self.mask, self.lpips = image, mask, lpips

    def network(self, network: LayoutNetwork) -> Figures:
        """Figures of a network."""
        with torch.no_grad():
            return self.layout(*network(self.image, self.mask))

    def smooth(self) -> Figures:
        """Figures of the smooth fill, to compare with."""
        return self.layout(smooth_fill(self.image * (1 - self.mask), self.mask), None)

    def layout(self, layout: Tensor, confidence: Tensor | None) -> Figures:
        """Figures of layouts (Nx3xSxS) and their confidence (Nx1xSxS, where there is one)."""
        with torch.no_grad():
            error = (layout.float() - self.image) * self.mask
            coarse = losses.per_hole(functional.avg_pool2d(error, BLOCKS).abs(), self.mask)
            lpips = float(self.lpips(self.image + error, self.image)) if self.lpips else 0.0
            foresight = 0.0 if confidence is None else self._foresight(error, confidence)
            return Figures(float(losses.per_hole(error.abs(), self.mask)), float(coarse), lpips, foresight)

    def _foresight(self, error: Tensor, confidence: Tensor) -> float:
        made = functional.avg_pool2d(error, losses.NEIGHBOURHOOD, 1, losses.NEIGHBOURHOOD // 2).abs().mean(1, True)
        expected = DOUBTFUL * (1 - confidence) / confidence.clamp_min(1e-4)
        inside = self.mask > 0
        return float(torch.corrcoef(torch.stack([made[inside], expected[inside]]))[0, 1])
