"""Trained weights: averaged while training, measured, written and read again."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .network import LayoutNetwork

SLOWEST = 0.9995
"""Share of the averaged weights that each step keeps, after the first thousands."""

STATISTICS = 0.01
"""Share of new statistics of batch norm that each step brings."""

MEASURED = 60
"""Batches from which batch norm is measured again."""

State = dict[str, Tensor]


class Average:
    """A copy of a network whose weights follow slowly."""

    def __init__(self, network: LayoutNetwork) -> None:
        device = next(network.parameters()).device
        self.network = LayoutNetwork(network.width).to(device)
        self._steps = torch.zeros((), device=device)
        self.network.load_state_dict(network.state_dict())
        self.network.to(memory_format=torch.channels_last)

    def follow(self, network: nn.Module) -> None:
        """Move a little towards the network."""
        with torch.no_grad():
            new = 1 - ((1 + self._steps) / (10 + self._steps)).clamp_max(SLOWEST)
            self._steps += 1
            own, theirs = list(self.network.parameters()), list(network.parameters())
            torch._foreach_add_(own, torch._foreach_mul(torch._foreach_sub(theirs, own), new))
            torch._foreach_lerp_(_statistics(self.network), _statistics(network), STATISTICS)

    def measured(self, run: Callable[[LayoutNetwork], None], batches: int = MEASURED) -> LayoutNetwork:
        """A copy, ready for use, whose batch norms have the statistics of its own weights.

        run: lets a network see one batch of what it is trained on.
        """
        copy: LayoutNetwork = Average(self.network).network
        norms = [module for module in copy.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        copy.train()
        with torch.no_grad():
            for _ in range(batches):
                run(copy)
        for norm in norms:
            norm.momentum = 0.1
        copy.eval()
        return copy


def _statistics(network: nn.Module) -> list[Tensor]:
    return [value for value in network.buffers() if value.is_floating_point()]


def save(state: State, path: pathlib.Path) -> None:
    """Write weights as float16, all or nothing."""
    half = {name: value.half().cpu() if value.is_floating_point() else value.cpu() for name, value in state.items()}
    part = path.with_suffix(".part")
    torch.save(half, part)
    part.replace(path)


def load(path: pathlib.Path) -> State:
    """Read weights as float32; only tensors are read."""
    state: State = torch.load(path, map_location="cpu", weights_only=True)
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
