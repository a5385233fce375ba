"""Quality of selecting the object of a rough mask, compared with OpenCV's GrabCut on the same small copy.

python -m bench.select FOLDER [--seeds 0,...] [--count N] [--size 4000x3000] [--sheets OUT]

Cut-outs of photographs are put on others, so that the object is known, and marked in three ways: a scribble in it, a
lasso around it, a blob about as large. Lassos count with their inside. Times are processor seconds of one thread.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from bench import cases, cutouts, quality
from bench.cutouts import BoolArray, Composition, Picture
from image_erase.selecting.selector import Task, select, task_of

GRABCUT_ROUNDS = 3
FAILED = 0.5
"""IoU under which the answer is a failure."""


@dataclass
class Results:
    """IoU of what was drawn, of the answer and of GrabCut's, and their seconds."""

    drawn: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    grabcut: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    grabcut_seconds: list[float] = field(default_factory=list)


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seeds", default="0", help="numbers between commas")
    parser.add_argument("--count", type=int, default=12, help="pictures of each seed")
    parser.add_argument("--size", default="own", help="WIDTHxHEIGHT to scale the photographs up to")
    parser.add_argument("--sheets", type=pathlib.Path, help="folder for contact sheets")
    return parser.parse_args(words)


def compositions(options: argparse.Namespace) -> Iterator[tuple[int, int, Composition]]:
    """Seed, number and picture."""
    photographs = quality.photographs(options.folder, None)
    size = cases.parse_size(options.size)
    for seed in map(int, options.seeds.split(",")):
        rng = np.random.default_rng(seed)
        for number in range(options.count):
            ground, other = (photographs[i] for i in rng.choice(len(photographs), 2, replace=False).tolist())
            yield seed, number, cutouts.compose(ground, other, 1000 * seed + number, size)


def iou(one: BoolArray, other: BoolArray) -> float:
    """Intersection over union."""
    shared, either = int(np.count_nonzero(one & other)), int(np.count_nonzero(one | other))
    return shared / max(1, either)


def whole(small: BoolArray, task: Task, shape: tuple[int, ...]) -> BoolArray:
    """A mask of the small copy at the size of the picture."""
    mask = np.zeros(shape, np.bool_)
    height, width = mask[task.window].shape
    mask[task.window] = cv2.resize(small.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
    return mask


def grabcut(task: Task) -> BoolArray:
    """OpenCV's GrabCut, told the same of what is sure and what is possible."""
    meaning = task.meaning
    mask = np.where(meaning.drawn, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    mask[~meaning.possible] = cv2.GC_BGD
    mask[meaning.sure] = cv2.GC_FGD
    if not (mask & 1).any() or (mask & 1).all():
        return meaning.drawn
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(task.picture, mask, (0, 0, 1, 1), *models, GRABCUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    return (mask & 1).astype(np.bool_)


def measure(results: Results, composed: Composition, rough: BoolArray) -> BoolArray:
    """Let both answer, and return our answer."""
    started = time.process_time()
    answer = select(composed.picture, rough, lambda: 60.0).mask
    results.seconds.append(time.process_time() - started)
    started = time.process_time()
    task = task_of(composed.picture, rough)
    theirs = whole(grabcut(task), task, rough.shape)
    results.grabcut_seconds.append(time.process_time() - started)
    results.drawn.append(iou(whole(task.meaning.drawn, task, rough.shape), composed.object))
    results.ours.append(iou(answer, composed.object))
    results.grabcut.append(iou(theirs, composed.object))
    return answer


def tile(composed: Composition, rough: BoolArray, answer: BoolArray) -> Picture:
    """The picture with the rough mask in red, the answer's rim in yellow and the object's in magenta."""
    shown = composed.picture.copy()
    shown[rough] = (0, 0, 255)
    for mask, colour in ((composed.object, (255, 0, 255)), (answer, (0, 255, 255))):
        outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(shown, outlines, -1, colour, max(1, max(rough.shape) // 400))
    return shown


def table(found: dict[str, Results]) -> str:
    """Markdown. IoU are medians, with 10th percentiles in brackets."""
    head: tuple[str, ...] = (
        "Rough mask",
        "Pictures",
        "IoU as drawn",
        "of the answer",
        "of GrabCut",
        "Answers under 0.5",
    )
    head += ("GrabCut's under 0.5", "Worse than drawn", "Milliseconds", "Ratio to GrabCut")
    rows: list[tuple[str, ...]] = [
        head,
        ("---",) * len(head),
        *(_row(kind, results) for kind, results in found.items()),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(kind: str, results: Results) -> tuple[str, ...]:
    ours, theirs, drawn = (np.array(values) for values in (results.ours, results.grabcut, results.drawn))
    ratios = np.array(results.seconds) / np.array(results.grabcut_seconds)
    scores = [f"{np.median(values):.3f} ({np.percentile(values, 10):.3f})" for values in (drawn, ours, theirs)]
    shares = [f"{share.mean():.0%}" for share in (ours < FAILED, theirs < FAILED, ours < drawn - 0.01)]
    times = f"{1000 * np.median(results.seconds):.0f}", f"{np.median(ratios):.2f}"
    return kind, str(len(ours)), *scores, *shares, *times


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print the table. words: the command line, the program's own where None."""
    options = arguments(words)
    cv2.setNumThreads(1)
    found: dict[str, Results] = defaultdict(Results)
    for seed, number, composed in compositions(options):
        tiles = []
        for kind in cutouts.ROUGH:
            rough = cutouts.rough(kind, composed.object, np.random.default_rng([seed, number]))
            tiles.append(tile(composed, rough, measure(found[kind], composed, rough)))
        if options.sheets:
            options.sheets.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(options.sheets / f"{seed}-{number}.png"), np.hstack(tiles))
    print(table(found))


if __name__ == "__main__":
    main()
