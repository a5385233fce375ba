"""Corrupted files never crash or hang the process, and raise only the documented exceptions."""

import subprocess
import sys
from pathlib import Path

import pytest

from image_erase.imaging.jpeg import library

SEEDS = 300
FUZZ = f"""
import numpy as np
from image_erase.imaging.jpeg.markers import BadJpeg
from image_erase.imaging.metadata.jpeg import strip, with_metadata
from image_erase.imaging.metadata.policy import Policy
from image_erase.imaging.jpeg.splice import CannotSplice, reencode, splice
from image_erase.imaging.limits import TooCostly
from support.jpegs import decoded, may_change, pillow_jpeg, scene, source_of

def broken(source, rng):
    data = bytearray(source)
    reach = len(data) if rng.random() < 0.6 else 700
    for _ in range(rng.integers(1, 6)):
        at = int(rng.integers(2, min(reach, len(data))))
        data[at : at + int(rng.integers(0, 9))] = rng.bytes(int(rng.integers(0, 9)))
    return bytes(data)

def shown_or_none(data):
    try:
        return decoded(data)
    except Exception:
        return None

sources = [
    pillow_jpeg(scene(133, 91).convert(mode), subsampling=sampling, progressive=progressive, restart_marker_blocks=rst)
    for mode in ("L", "RGB", "CMYK") for sampling in (0, 2) for progressive in (False, True) for rst in (0, 3)
]
same = 0
for seed in range({SEEDS}):
    rng = np.random.default_rng(seed)
    source = sources[seed % len(sources)]
    data = broken(source, rng)
    shown = shown_or_none(data)
    filled = decoded(source) if shown is None or shown.size > 10**6 else shown.copy()
    hole = np.zeros(filled.shape[:2], dtype=bool)
    hole[20:40, 30:70] = True
    try:
        read = source_of(data)
    except (BadJpeg, TooCostly):
        continue
    try:
        strip(read.segments, Policy.ALL)
        filled[hole] = 99
        result = splice(read, filled, hole, orientation=1)
        with_metadata(read.segments, result, Policy.ALL)
        kept = ~may_change(data, hole)
        assert shown is None or np.array_equal(decoded(result)[kept], shown[kept]), seed
        same += shown is not None
    except (BadJpeg, CannotSplice):
        pass
    try:
        reencode(read, filled, orientation=1)
    except CannotSplice:
        pass
assert same > {SEEDS // 20}, same
"""


@pytest.mark.hostile
@pytest.mark.skipif(not library.available(), reason="no libturbojpeg")
def test_corrupted_files() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FUZZ],
        capture_output=True,
        cwd=Path(__file__).parents[1],
        timeout=100,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert not run.stdout
    assert not run.stderr
