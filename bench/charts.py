"""The charts of docs/benchmarks.md: processor time by the size of the picture and by the size of the hole.

python -m bench.charts [PHOTO]

Writes docs/charts/*.svg. A whole job (files in, file out) with each engine, beside OpenCV alone, which decodes, fills
with Telea's method and encodes. Processor time of one thread, the least of several rounds in alternation, because the
machine may be busy with other work. The photo is enlarged to each size.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from bench.serving import EXAMPLE, bare
from image_erase.jobs.job import erase_file, make_eraser
from image_erase.jobs.options import JobOptions

FOLDER = Path(__file__).parents[1] / "docs" / "charts"
SIZES = ((640, 480), (1280, 960), (2000, 1500), (2828, 2121), (4000, 3000))
SHARES = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2)
OBJECT_SHARE, SIZE = 0.035, (2000, 1500)
ROUNDS = 3
NAMES = {"bare": "OpenCV alone (Telea)", "opencv": "engine opencv", "auto": "engine auto"}
COLOURS = {"bare": "#888888", "opencv": "#3b75af", "auto": "#c8553d"}

Work = Callable[[bytes, bytes], object]


def works() -> dict[str, Work]:
    """What is measured, by name."""
    found: dict[str, Work] = {"bare": bare}
    for engine in ("opencv", "auto"):
        options = JobOptions(engine=engine)
        eraser = make_eraser(options)
        found[engine] = lambda image, mask, options=options, eraser=eraser: erase_file(  # type: ignore[misc]
            image, mask, options, eraser, time_left=lambda: 600.0
        )
    return found


def files(photo: Path, size: tuple[int, int], share: float) -> tuple[bytes, bytes]:
    """Return a JPEG of the photo in a size, and a PNG mask with a round hole of a share of the area."""
    image = cv2.imread(str(photo))
    assert image is not None, f"{photo} is no picture"
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    cv2.circle(mask, (width // 2, height // 2), round((share * width * height / np.pi) ** 0.5), 255, -1)
    jpeg = cv2.imencode(".jpg", cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return jpeg[1].tobytes(), cv2.imencode(".png", mask)[1].tobytes()


def measured(photo: Path, cases: Sequence[tuple[tuple[int, int], float]]) -> dict[str, list[float]]:
    """Return seconds of processor time by name, for each size and share."""
    found: dict[str, list[float]] = {name: [] for name in NAMES}
    all_works = works()
    for size, share in cases:
        image, mask = files(photo, size, share)
        times: dict[str, list[float]] = {name: [] for name in NAMES}
        for _ in range(ROUNDS):
            for name, work in all_works.items():
                started = time.process_time()
                work(image, mask)
                times[name].append(time.process_time() - started)
        for name, seconds in times.items():
            found[name].append(min(seconds))
        print(f"{size[0]}x{size[1]}, {share:.1%}: " + ", ".join(f"{name} {found[name][-1]:.3f} s" for name in NAMES))
    return found


def draw(name: str, title: str, label: str, values: Sequence[float], found: dict[str, list[float]]) -> None:
    """Write one chart."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for key, seconds in found.items():
        axes.plot(values, seconds, marker="o", color=COLOURS[key], label=NAMES[key])
    axes.set(title=title, xlabel=label, ylabel="seconds of one processor", xscale="log", yscale="log")
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.minorticks_off()
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False)
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})


def main(photo: Path) -> None:
    """Measure and draw."""
    cv2.setNumThreads(1)
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "image-erase"
    by_size = measured(photo, [(size, OBJECT_SHARE) for size in SIZES])
    megapixels = [round(width * height / 1e6, 1) for width, height in SIZES]
    draw("size", f"JPEG with a hole of {OBJECT_SHARE:.1%}", "megapixels", megapixels, by_size)
    by_hole = measured(photo, [(SIZE, share) for share in SHARES])
    draw("hole", f"JPEG of {SIZE[0]}x{SIZE[1]}", "hole, % of the area", [100 * share for share in SHARES], by_hole)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLE)
