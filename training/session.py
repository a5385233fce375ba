"""From packs of photographs to a trained network."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from . import masks, state, tiles
from .batches import Batches, held_out
from .critic import Critic
from .measure import Measure
from .network import LayoutNetwork
from .perceptual import Lpips
from .trainer import Plan, Trainer

MEASURED = 256
"""Crops to measure on."""


@dataclass(frozen=True)
class Session:
    """One run: how to train, where to write, weights of the perceptual distance (None leaves it out), a seed, and the
    width of a new network."""

    plan: Plan
    out: pathlib.Path
    lpips: pathlib.Path | None
    seed: int
    width: int = 64

    def run(self, sources: Sequence[str], holes: int, begin: pathlib.Path | None) -> None:
        """Train and write out/network.pt.

        sources: PACK or PACK:SHARE each. holes: how many masks to train with. begin: weights to go on from.
        """
        begun = time.monotonic()
        self.out.mkdir(parents=True, exist_ok=True)
        drawn = masks.generate(holes, self.seed)
        training, kept = tiles.load([tiles.Source.parse(text) for text in sources])
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        _prefer_speed(self.seed)
        batches = Batches(training, drawn, device)
        count = min(MEASURED, 4 * len(kept))
        lpips = Lpips(self.lpips).to(device) if self.lpips else None
        measure = Measure(*held_out(kept, masks.generate(count, self.seed + 1), device, count), lpips)
        network = begun_from(begin) if begin else LayoutNetwork(self.width)
        said = f"{len(training.tiles)} tiles, {len(drawn)} holes, {time.monotonic() - begun:.0f} s on {device}"
        print(f"{said} | smooth fill: {measure.smooth()}", flush=True)
        trainer = Trainer(network, batches, self.plan, lpips, Critic(network.width))
        trainer.run(self.out, lambda trained: str(measure.network(trained)))


def begun_from(path: pathlib.Path) -> LayoutNetwork:
    """The network of an ONNX file or of a file of weights."""
    if path.suffix == ".onnx":
        from .graph import restore

        return restore(path)
    return LayoutNetwork.holding(state.load(path))


def _prefer_speed(seed: int) -> None:
    """Repeatable random numbers, and the fastest arithmetic for them."""
    torch.manual_seed(seed)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
