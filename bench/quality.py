"""Compare the engines on a folder of photographs: how the fill looks, how long it takes, how much memory it needs.

python -m bench.quality FOLDER [--engines opencv,exemplar,auto,pypatchmatch] [--seed 0] [--lpips WEIGHTS.npz]
    [--sheets OUT] [--size 4000x3000] [--limit N]

Holes are cut into every photograph (text, thin, medium, object, large) and filled by every engine in turn, so that
a machine that is busy slows all of them. Without --size the photographs are used as they are; with it they are scaled
up to that size and every measurement runs in a fresh process. Times are processor seconds of one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = pathlib.Path(__file__).resolve().parents[1]

import cv2

from bench import holes, metrics, probe, sheets
from bench.engines import RIVAL, engine

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


@dataclass
class Score:
    """What was measured for one engine and one kind of hole."""

    lpips: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)


Scores = dict[tuple[str, str], Score]


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--engines", default="opencv,exemplar,auto," + RIVAL)
    parser.add_argument("--kinds", default=",".join(holes.KINDS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="use only the first photographs")
    parser.add_argument("--size", default="own", help="WIDTHxHEIGHT to scale the photographs up to")
    parser.add_argument("--lpips", type=pathlib.Path, help="weights; needs torch")
    parser.add_argument("--sheets", type=pathlib.Path, help="folder for contact sheets")
    return parser.parse_args(words)


def photographs(folder: pathlib.Path, limit: int | None) -> list[pathlib.Path]:
    """The pictures in a folder by name; exits when there are none."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)[:limit]
    if not found:
        sys.exit(f"no pictures in {folder}")
    return found


def compare(options: argparse.Namespace, paths: list[pathlib.Path]) -> Scores:
    """Run every engine on every photograph in this process, memory on the first one in processes of its own."""
    lpips = metrics.Lpips(options.lpips) if options.lpips else None
    engines = {name: engine(name) for name in options.engines.split(",")}
    scores: Scores = defaultdict(Score)
    for path in paths:
        image = probe.photograph(path, None)
        for kind in options.kinds.split(","):
            hole = probe.hole_for(path, kind, options.seed, (image.shape[0], image.shape[1]))
            box = metrics.box_around(hole)
            results = {}
            for name, fill in engines.items():
                started = time.process_time()
                results[name] = fill(image, hole)
                score = scores[name, kind]
                score.seconds.append(time.process_time() - started)
                score.psnr.append(metrics.psnr(hole, image, results[name]))
                if lpips:
                    score.lpips.append(lpips(image[box], results[name][box]))
                if path == paths[0]:
                    score.megabytes.append(measured(name, path, kind, options)["megabytes"])
            if options.sheets:
                sheets.write(options.sheets / f"{path.stem}-{kind}.png", image, hole, results)
    return scores


def compare_large(options: argparse.Namespace, paths: list[pathlib.Path]) -> Scores:
    """Run every engine on every scaled photograph, each in a fresh process."""
    scores: Scores = defaultdict(Score)
    for path in paths:
        for kind in options.kinds.split(","):
            for name in options.engines.split(","):
                report = measured(name, path, kind, options)
                score = scores[name, kind]
                score.seconds.append(report["seconds"])
                score.psnr.append(report["psnr"])
                score.megabytes.append(report["megabytes"])
    return scores


def measured(name: str, path: pathlib.Path, kind: str, options: argparse.Namespace) -> dict[str, float]:
    """What bench.probe reports from a fresh process; with --sheets and --size the result is written too."""
    command = [sys.executable, "-m", "bench.probe", name, str(path.resolve()), kind, str(options.seed), options.size]
    if options.sheets and options.size != "own":
        options.sheets.mkdir(parents=True, exist_ok=True)
        command.append(str((options.sheets / f"{path.stem}-{kind}-{name}.png").resolve()))
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    report: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return report


def table(scores: Scores, engines: list[str], kinds: list[str]) -> str:
    """One line per kind and engine; the columns after x are ratios to PyPatchMatch when that was run."""
    lines = [f"{'kind':8}{'engine':14}{'LPIPS':>8}{'x':>6}{'PSNR':>7}{'ms':>8}{'x':>7}{'MB':>7}"]
    for kind in kinds:
        rival = scores.get((RIVAL, kind))
        for name in engines:
            score = scores[name, kind]
            seconds = statistics.median(score.seconds)
            row = f"{kind:8}{name:14}"
            row += f"{statistics.mean(score.lpips):8.4f}" if score.lpips else f"{'-':>8}"
            row += _ratio(score.lpips, rival.lpips if rival else [], statistics.mean, 6)
            row += f"{statistics.mean(score.psnr):7.1f}{1000 * seconds:8.0f}"
            row += _ratio(score.seconds, rival.seconds if rival else [], statistics.median, 7)
            lines.append(row + f"{max(score.megabytes):7.0f}")
    return "\n".join(lines)


def _ratio(ours: list[float], theirs: list[float], mean: object, width: int) -> str:
    assert callable(mean)
    return f"{mean(ours) / mean(theirs):{width}.2f}" if ours and theirs else f"{'-':>{width}}"


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print the table. words: the command line, the program's own where None."""
    options = arguments(words)
    cv2.setNumThreads(1)
    paths = photographs(options.folder, options.limit)
    scores = compare(options, paths) if options.size == "own" else compare_large(options, paths)
    sys.stdout.write(table(scores, options.engines.split(","), options.kinds.split(",")) + "\n")


if __name__ == "__main__":
    main()
