"""The training loop, for a set time."""

from __future__ import annotations

import functools
import math
import pathlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from . import losses, state
from .batches import Batches
from .critic import Critic
from .network import LayoutNetwork
from .perceptual import Lpips
from .recorded import Recorded

WARM_UP = 200
"""Steps until the learning rate is full."""

LAST_RATE = 0.01
"""Of the full rate, at the end."""

HARDEST = 1.0
"""Longest gradient that is followed in full."""

RAMP = 0.03
"""Share of the time in which the critic gets its full weight."""


@dataclass(frozen=True)
class Plan:
    """How to train.

    seconds or steps end it, whichever comes first; progress is counted in both. batch: crops a step. rate: the
    largest learning rate; it falls as a cosine over the last share `cooling` of the time. critic_from: the share of
    the time before the critic judges; critic_batch: how many crops of a batch it sees. perceptual, close, critic,
    features, doubt: weights of the losses; `close` is the perceptual one of enlarged holes. report: seconds between
    reports, checkpoints with them. compile, record: whether to compile the networks, and to record steps (on GPUs).
    """

    seconds: float = 600.0
    steps: int = 1_000_000
    batch: int = 128
    rate: float = 1e-3
    cooling: float = 1.0
    critic_rate: float = 4e-4
    critic_from: float = 0.1
    critic_batch: int = 64
    perceptual: float = 2.0
    close: float = 1.0
    critic: float = 0.04
    features: float = 0.4
    doubt: float = 0.02
    report: float = 30.0
    compile: bool = True
    record: bool = True
    norm_batches: int = state.MEASURED


@dataclass
class Trainer:
    """A network, its average and its critic, and where crops come from."""

    network: LayoutNetwork
    batches: Batches
    plan: Plan
    lpips: Lpips | None
    critic: Critic

    def __post_init__(self) -> None:
        """Move everything to the device and make the optimisers."""
        device, plan = self.batches.device, self.plan
        self.network.to(device, memory_format=torch.channels_last).train()
        self.critic.to(device, memory_format=torch.channels_last).train()
        self.average = state.Average(self.network)
        gpu = device.type == "cuda"
        self.rate, self.ramp = torch.zeros((), device=device), torch.zeros((), device=device)
        kind = functools.partial(torch.optim.AdamW, fused=gpu, capturable=gpu)
        self.optimizer = kind(_groups(self.network), self.rate, betas=(0.9, 0.99))
        self.critic_optimizer = kind(self.critic.parameters(), plan.critic_rate, betas=(0.5, 0.99), weight_decay=0)
        self._steps = {judged: self._repeated(judged) for judged in (False, True)}
        self._lay_out: Callable[..., Any] = self._compiled(self.network.raw)
        self._judge: Callable[..., Any] = self._compiled(self.critic)
        self._compare: Callable[..., Any] = self._compiled(self._distance)

    def run(self, out: pathlib.Path, measure: Callable[[LayoutNetwork], str]) -> None:
        """Train, report and write out/network.pt from time to time and at the end.

        measure: what to report about the averaged network.
        """
        begun, reported = time.monotonic(), time.monotonic()
        for step, progress in self._progress(begun):
            found = self.step(step, progress)
            if time.monotonic() - reported >= self.plan.report:
                numbers = " ".join(f"{name} {value.item():.4f}" for name, value in found.items())
                text = measure(self._saved(out, quick=True))
                print(f"{time.monotonic() - begun:.0f} s, step {step}, {progress:.0%}: {numbers} | {text}", flush=True)
                reported = time.monotonic()
        print(f"{time.monotonic() - begun:.0f} s, step {step}, done | {measure(self._saved(out))}", flush=True)

    def _progress(self, begun: float) -> Iterator[tuple[int, float]]:
        """Step numbers, each with the share of the time that is over."""
        step, progress = 0, 0.0
        while progress < 1:
            yield step, progress
            step += 1
            progress = max((time.monotonic() - begun) / self.plan.seconds, step / self.plan.steps)

    def step(self, step: int, progress: float) -> dict[str, Tensor]:
        """One step of the network, and of the critic once it judges; returns the losses."""
        plan = self.plan
        self.rate.fill_(plan.rate * rate_at(step, progress, plan.cooling))
        ramp = (progress - plan.critic_from) / RAMP
        self.ramp.fill_(min(1.0, max(0.0, ramp)))
        return self._steps[ramp >= 0 and plan.critic_batch > 0]()

    def _repeated(self, judged: bool) -> Callable[[], dict[str, Tensor]]:
        """A step with or without the critic; on GPUs, one that launches all its kernels at once."""
        step = functools.partial(self._step, judged)
        recorded = self.plan.record and self.batches.device.type == "cuda"
        return Recorded(step) if recorded else step

    def _step(self, judged: bool) -> dict[str, Tensor]:
        """One step, all on the device: the same operations each time, on the same tensors but for the crops."""
        image, mask = self.batches.take(self.plan.batch)
        with self._autocast():
            layout, trust = self._lay_out(image, mask)
        made: Tensor
        found: dict[str, Tensor]
        made, found, loss = self._compare(layout.float(), trust.float(), image, mask)
        if judged:
            loss = loss + self.ramp * self._criticise(image, mask, made, found)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), HARDEST)
        self.optimizer.step()
        self.average.follow(self.network)
        return found

    def _distance(
        self, layout: Tensor, trust: Tensor, image: Tensor, mask: Tensor
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """The picture as laid out, each loss without gradient, and their weighted sum."""
        error = (layout - image) * mask
        made = image + error
        parts = {"error": losses.at_sizes(error, mask), "doubt": losses.doubt(trust, error, mask)}
        total = parts["error"] + self.plan.doubt * parts["doubt"]
        if self.lpips is not None:
            near = losses.close(torch.cat([made, image], 1), mask)
            with self._autocast():
                parts["lpips"] = self.lpips(made, image)
                parts["close"] = self.lpips(near[:, :3], near[:, 3:])
            total = total + self.plan.perceptual * parts["lpips"] + self.plan.close * parts["close"]
        return made, {name: value.detach() for name, value in parts.items()}, total

    def _criticise(self, image: Tensor, mask: Tensor, made: Tensor, found: dict[str, Tensor]) -> Tensor:
        """Train the critic on a part of the batch; returns what the network's loss gains by it."""
        count = self.plan.critic_batch
        image, mask, made = image[:count], mask[:count], made[:count]
        with self._autocast():
            real, wanted = self._judge(image, mask)
            false, _ = self._judge(made.detach(), mask)
        own = losses.judged(real.float(), false.float(), mask)
        self.critic_optimizer.zero_grad()
        own.backward()
        self.critic_optimizer.step()
        self.critic.requires_grad_(False)
        with self._autocast():
            score, features = self._judge(made, mask)
        self.critic.requires_grad_(True)
        alike = losses.alike(features, wanted)
        found |= {"critic": own.detach(), "score": score.detach().float().mean(), "alike": alike.detach()}
        return alike * self.plan.features - score.float().mean() * self.plan.critic

    def _saved(self, out: pathlib.Path, quick: bool = False) -> LayoutNetwork:
        """Write the averaged network with measured batch norms and return it."""

        def see(network: LayoutNetwork) -> None:
            with self._autocast():
                network.raw(*self.batches.take(self.plan.batch))

        batches = min(10, self.plan.norm_batches) if quick else self.plan.norm_batches
        network = self.average.measured(see, batches)
        state.save(network.state_dict(), out / "network.pt")
        return network

    def _compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        compiled: Callable[..., Any] = torch.compile(function) if self.plan.compile else function
        return compiled

    def _autocast(self) -> torch.autocast:
        """16-bit arithmetic where the device is a GPU."""
        device = self.batches.device.type
        return torch.autocast(device, torch.bfloat16, enabled=device == "cuda")


def rate_at(step: int, progress: float, cooling: float) -> float:
    """The share of the full learning rate: it warms up, stays, and falls as a cosine over the share `cooling`."""
    warm = min(1.0, (step + 1) / WARM_UP)
    cold = (progress - (1 - cooling)) / cooling if cooling > 0 else 0.0
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, cold))))
    return warm * (LAST_RATE + (1 - LAST_RATE) * fall)


def _groups(network: nn.Module) -> list[dict[str, Any]]:
    """Parameters that shrink of themselves (weight decay), and those that do not."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
