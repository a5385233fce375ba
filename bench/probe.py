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

from bench import cases, metrics
from bench.engines import engine


def _memory(field: str) -> float:
    """A field of this process's status in MB; Linux only."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split(field + ":")[1].split()[0]) / 1024


def main(arguments: list[str]) -> None:
    """Measure; the memory is the peak above what the process had with the picture decoded."""
    name, photo, kind, seed, size, *result_path = arguments
    cv2.setNumThreads(1)
    path = pathlib.Path(photo)
    case = cases.case(path, kind, int(seed), cases.parse_size(size))
    if case is None:
        sys.exit(f"{path} has no hole of the kind {kind}")
    fill = engine(name)
    fill(np.zeros((64, 64, 3), np.uint8), np.pad(np.ones((2, 2), np.bool_), 31))
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    started = time.process_time()
    result = fill(case.photo, case.hole)
    seconds = time.process_time() - started
    report = {
        "seconds": seconds,
        "megabytes": _memory("VmHWM") - before,
        "psnr": metrics.psnr(case.hole, case.truth, result),
    }
    if result_path:
        cv2.imwrite(result_path[0], result)
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
