"""Compare the engines on a folder of photographs: how the fill looks, how long it takes, how much memory it needs.

python -m bench.quality FOLDER [--engines patches,auto,...] [--kinds text,thin,...] [--seeds 0,...] [--against patches]
    [--lpips WEIGHTS.npz] [--sheets OUT] [--size 4000x3000] [--limit N]

Holes are cut into every photograph (see --kinds) and filled by every engine in turn, so that a machine that is busy
slows all of them. Engines: opencv, exemplar, auto, patches (auto without a layout), pypatchmatch. Without --size the
photographs are used as they are; with it they are scaled up to that size and every measurement runs in a fresh
process. Times are processor seconds of one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = pathlib.Path(__file__).resolve().parents[1]

import cv2

from bench import cases, engines, metrics, sheets, things
from bench.scores import Score, Scores, table

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--engines", type=_words, default=("opencv", engines.PATCHES, "auto"))
    parser.add_argument("--kinds", type=_words, default=cases.KINDS)
    parser.add_argument("--seeds", type=_numbers, default=(0,))
    parser.add_argument("--against", default=engines.PATCHES, help="the engine that the others are compared with")
    parser.add_argument("--limit", type=int, help="use only the first photographs")
    parser.add_argument("--size", default="own", help="WIDTHxHEIGHT to scale the photographs up to")
    parser.add_argument("--lpips", type=pathlib.Path, help="weights; needs torch")
    parser.add_argument("--sheets", type=pathlib.Path, help="folder for contact sheets")
    return parser.parse_args(words)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def photographs(folder: pathlib.Path, limit: int | None) -> list[pathlib.Path]:
    """The pictures in a folder by name, without those that lie beside one; exits when there are none."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and things.is_photograph(path))
    if not found:
        sys.exit(f"no pictures in {folder}")
    return found[:limit]


def compare(options: argparse.Namespace, paths: Sequence[pathlib.Path]) -> Scores:
    """Run every engine on every photograph in this process; memory on a kind's first case in processes of its own."""
    lpips = metrics.Lpips(options.lpips) if options.lpips else None
    fills = {name: engines.engine(name) for name in options.engines}
    scores: Scores = defaultdict(Score)
    for path, kind, seed in _all(options, paths):
        case = cases.case(path, kind, seed)
        if case is None:
            continue
        results = {}
        for name, fill in fills.items():
            score = scores[name, kind]
            if not score.megabytes:
                score.megabytes.append(measured(name, path, kind, seed, options)["megabytes"])
            started = time.process_time()
            results[name] = fill(case.photo, case.hole)
            score.seconds.append(time.process_time() - started)
            _judge(score, case, results[name], lpips)
        if options.sheets:
            _show(options.sheets / f"{path.stem}-{kind}-{seed}.png", case, results)
    return scores


def _all(options: argparse.Namespace, paths: Sequence[pathlib.Path]) -> list[tuple[pathlib.Path, str, int]]:
    return [(path, kind, seed) for path in paths for kind in options.kinds for seed in options.seeds]


def _judge(score: Score, case: cases.Case, result: cases.Picture, lpips: metrics.Lpips | None) -> None:
    score.psnr.append(metrics.psnr(case.hole, case.truth, result))
    if lpips:
        box = metrics.box_around(case.hole)
        score.lpips.append(lpips(case.truth[box], result[box]))


def _show(sheet: pathlib.Path, case: cases.Case, results: Mapping[str, cases.Picture]) -> None:
    layout = {"layout": engines.layout(case.photo, case.hole)} if "auto" in results else {}
    sheets.write(sheet, case.truth, case.hole, layout | dict(results))


def compare_large(options: argparse.Namespace, paths: Sequence[pathlib.Path]) -> Scores:
    """Run every engine on every scaled photograph, each in a fresh process."""
    scores: Scores = defaultdict(Score)
    size = cases.parse_size(options.size)
    for path, kind, seed in _all(options, paths):
        if cases.case(path, kind, seed, size) is None:
            continue
        for name in options.engines:
            report = measured(name, path, kind, seed, options)
            score = scores[name, kind]
            score.seconds.append(report["seconds"])
            score.psnr.append(report["psnr"])
            score.megabytes.append(report["megabytes"])
    return scores


def measured(name: str, path: pathlib.Path, kind: str, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """What bench.probe reports from a fresh process; with --sheets and --size the result is written too."""
    command = [sys.executable, "-m", "bench.probe", name, str(path.resolve()), kind, str(seed), options.size]
    if options.sheets and options.size != "own":
        options.sheets.mkdir(parents=True, exist_ok=True)
        command.append(str((options.sheets / f"{path.stem}-{kind}-{seed}-{name}.png").resolve()))
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    report: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return report


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print the table. words: the command line, the program's own where None."""
    options = arguments(words)
    cv2.setNumThreads(1)
    paths = photographs(options.folder, options.limit)
    scores = compare(options, paths) if options.size == "own" else compare_large(options, paths)
    print(table(scores, options.engines, options.kinds, options.against))


if __name__ == "__main__":
    main()
