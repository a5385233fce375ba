"""Show where erasing spends its time, and compare it with another checkout.

python -m bench.profile PHOTO... [--kinds object,...] [--seed 5] [--size own|4000x3000] [--rounds 3] [--before FOLDER]

The holes are those of bench.quality, filled by the engine `auto`. Each stage's own time is counted, without the stages
that it calls, in processor milliseconds of one thread: the mean over the holes, in its fastest round. With --before,
the package of that checkout is measured in the same run; both take turns, each round in a fresh process.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import os
import pathlib
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2

from bench import cases, engines

ROOT = pathlib.Path(__file__).resolve().parents[1]

KINDS = "text,thin,medium,object,large"

STAGES = {
    "network": ("neural.runtime:Graph.run",),
    "search": ("copying.search:Matcher.search",),
    "descriptors": ("copying.search:Matcher.__init__", "copying.search:Matcher.refresh"),
    "votes": (
        "copying.vote:Ballot.__init__",
        "copying.vote:Ballot.vote",
        "copying.vote:Ballot.elect",
        "copying.solve:_Descent._vote",
    ),
    "alignment": ("copying.large:align",),
    "painting": ("copying.patchwork:render", "copying.seams:render"),
    "ground": ("copying.ground:find", "copying.ground:Ground.under"),
    "pyramid": ("copying.pyramid:build", "copying.solve:_doubled"),
    "lines": ("copying.lines:find", "copying.solve:_Descent._draw_lines"),
    "layout": ("layout.engine:LayoutEngine.lay_out",),
    "reduction": ("copying.large:reduce_known",),
    "first guess": ("canvas:Canvas.guess", "copying.solve:_Descent._guess"),
    "rest": ("eraser:Eraser.erase",),
}
"""The functions of each stage, in modules of image_erase.erasure."""


class Profile:
    """Counts the own time of stages. seconds: of each stage so far."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def watch(self, stage: str, function: str) -> None:
        """Count the time of a function, given as MODULE:NAME, for a stage."""
        module, _, name = function.partition(":")
        owner: Any = importlib.import_module(f"image_erase.erasure.{module}")
        *path, last = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        setattr(owner, last, self._counted(stage, getattr(owner, last)))

    def _counted(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def counted(*arguments: Any, **options: Any) -> Any:
            started = time.thread_time()
            self._inner.append(0.0)
            try:
                return function(*arguments, **options)
            finally:
                taken = time.thread_time() - started
                self.seconds[stage] += taken - self._inner.pop()
                if self._inner:
                    self._inner[-1] += taken

        return counted


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=pathlib.Path)
    parser.add_argument("--kinds", default=KINDS)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--size", default="own", help="WIDTHxHEIGHT to scale the photographs up to")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=pathlib.Path, help="another checkout")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(words)


def measure(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Milliseconds of each stage by kind, in this process."""
    cv2.setNumThreads(1)
    fill, profile = engines.engine("auto"), Profile()
    for stage, functions in STAGES.items():
        for function in functions:
            profile.watch(stage, function)
    return {kind: _milliseconds(options, kind, fill, profile) for kind in options.kinds.split(",")}


def _milliseconds(options: argparse.Namespace, kind: str, fill: engines.Engine, profile: Profile) -> dict[str, float]:
    size = cases.parse_size(options.size)
    found = [case for photo in options.photos if (case := cases.case(photo, kind, options.seed, size))]
    for case in found[:1]:
        fill(case.photo, case.hole)  # to fill caches
    profile.seconds.clear()
    for case in found:
        fill(case.photo, case.hole)
    return {stage: 1000 * profile.seconds[stage] / max(1, len(found)) for stage in STAGES}


def measured(options: argparse.Namespace, checkout: pathlib.Path) -> dict[str, dict[str, float]]:
    """What `measure` finds in a fresh process with the package of a checkout."""
    words = ["--kinds", options.kinds, "--seed", str(options.seed), "--size", options.size, "--measure"]
    command = [sys.executable, "-m", "bench.profile", *map(str, map(pathlib.Path.resolve, options.photos)), *words]
    path = {"PYTHONPATH": str(checkout.resolve() / "app")}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | path, stdout=subprocess.PIPE, check=True)
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def fastest(options: argparse.Namespace, checkouts: Sequence[pathlib.Path]) -> list[dict[str, dict[str, float]]]:
    """The fastest round of each stage, by checkout and kind; the checkouts take turns."""
    rounds = [[measured(options, checkout) for checkout in checkouts] for _ in range(options.rounds)]
    return [
        {kind: {stage: min(one[kind][stage] for one in own) for stage in STAGES} for kind in own[0]}
        for own in zip(*rounds, strict=True)
    ]


def table(found: Sequence[dict[str, dict[str, float]]]) -> str:
    """One line per stage, the costliest first: milliseconds, and before and the ratio if there are two checkouts."""
    lines = []
    for kind, now in found[0].items():
        lines.append(f"{kind:14}{'ms':>8}" + (f"{'before':>8}{'ratio':>8}" if found[1:] else ""))
        order = sorted(now, key=lambda stage: -found[-1][kind][stage])
        lines += [_line(stage, [one[kind][stage] for one in found]) for stage in order]
        lines.append(_line("sum", [sum(one[kind].values()) for one in found]))
    return "\n".join(lines)


def _line(stage: str, values: Sequence[float]) -> str:
    line = f"  {stage:12}" + "".join(f"{value:8.1f}" for value in values)
    return line + (f"{values[0] / values[1]:8.2f}" if values[1:] and values[1] else "")


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print. words: the command line, the program's own where None."""
    options = arguments(words)
    if options.measure:
        print(json.dumps(measure(options)))
        return
    print(table(fastest(options, [ROOT, *([options.before] if options.before else [])])))


if __name__ == "__main__":
    main()
