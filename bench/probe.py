"""Run one engine on one hole in this process and report what it took, as one line of JSON.

python -m bench.probe ENGINE PHOTO KIND SEED WIDTHxHEIGHT [RESULT.png]
"""

from __future__ import annotations

import json
import pathlib
import sys
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import holes, metrics
from bench.engines import engine

GRAIN = 3.0
"""Standard deviation of the noise that stands for what a camera of the wanted size would have seen."""


def photograph(path: pathlib.Path, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """The photo, or, when a larger size (W, H) is asked for, the photo scaled up to cover it, with fine grain."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"{path} cannot be read as a picture")
    if size is None:
        return image.astype(np.uint8, copy=False)
    if (image.shape[1] > image.shape[0]) != (size[0] > size[1]):
        image = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)
    scale = max(size[0] / image.shape[1], size[1] / image.shape[0])
    if scale > 1:
        grown = cv2.resize(image, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_LANCZOS4)
        noise = np.random.default_rng(0).normal(0, GRAIN, grown.shape[:2]).astype(np.float32)
        image = np.clip(grown + noise[:, :, None], 0, 255).astype(np.uint8)
    return np.ascontiguousarray(image[: size[1], : size[0]], np.uint8)


def hole_for(path: pathlib.Path, kind: str, seed: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The same hole for the same photo's name, kind and seed."""
    words = [seed, sorted(holes.KINDS).index(kind), *path.stem.encode()]
    return holes.make(kind, shape, np.random.default_rng(words))


def parse_size(text: str) -> tuple[int, int] | None:
    """WIDTHxHEIGHT, or "own" for None."""
    if text == "own":
        return None
    width, height = text.split("x")
    return int(width), int(height)


def _memory(field: str) -> float:
    """A field of this process's status in MB; Linux only."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split(field + ":")[1].split()[0]) / 1024


def main(arguments: list[str]) -> None:
    """Measure; the memory is the peak above what the process had with the picture decoded."""
    name, photo, kind, seed, size, *result_path = arguments
    cv2.setNumThreads(1)
    path = pathlib.Path(photo)
    image = photograph(path, parse_size(size))
    hole = hole_for(path, kind, int(seed), (image.shape[0], image.shape[1]))
    fill = engine(name)
    fill(np.zeros((64, 64, 3), np.uint8), np.pad(np.ones((2, 2), np.bool_), 31))
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    started = time.process_time()
    result = fill(image, hole)
    seconds = time.process_time() - started
    report = {"seconds": seconds, "megabytes": _memory("VmHWM") - before, "psnr": metrics.psnr(hole, image, result)}
    if result_path:
        cv2.imwrite(result_path[0], result)
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
