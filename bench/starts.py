"""Processor seconds until processes of image-erase have started.

python -m bench.starts [CHECKOUT]: of another checkout too, in alternation, with the ratio of the medians.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.processes import interpreter_of, served
from image_erase.jobs.job import warm_up_files
from image_erase.jobs.process import worker_environment

ROOT = Path(__file__).parents[1]
ROUNDS = 5
FILES = "photo.jpg", "mask.png"

APPLICATIONS = """
import pathlib
from image_erase.cli import make_server
from image_erase.settings import load_settings
storage = pathlib.Path("storage").absolute().as_uri()
for _ in range(20): make_server(load_settings(api_keys=("bench",), storage_url=storage))
"""

Start = Callable[[Path, Path], None]


def main(checkout: Path | None) -> None:
    """Measure each start ROUNDS times, and print its median. checkout: of the version to compare with."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name, data in zip(FILES, warm_up_files(), strict=True):
            (work / name).write_bytes(data)
        # Both in the same kind of environment, where modules are found equally fast.
        versions = {"before": checkout, "now": ROOT} if checkout else {"now": ROOT}
        pythons = {version: interpreter_of(root, work / version) for version, root in versions.items()}
        for name, start in _STARTS.items():
            print(_line(name, _measured(start, pythons, work)), flush=True)


def _measured(start: Start, pythons: Mapping[str, Path], work: Path) -> dict[str, float]:
    taken: dict[str, list[float]] = {version: [] for version in pythons}
    for _ in range(1 + ROUNDS):
        for version, python in pythons.items():
            before = _children_seconds()
            start(python, work)
            taken[version].append(_children_seconds() - before)
    # The first round fills the caches.
    return {version: statistics.median(seconds[1:]) for version, seconds in taken.items()}


def _line(name: str, seconds: Mapping[str, float]) -> str:
    ratio = f"  ratio {seconds['now'] / seconds['before']:.2f}" if "before" in seconds else ""
    return f"{name:24}" + "  ".join(f"{version} {value:.3f}" for version, value in seconds.items()) + ratio


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _worker(engine: str) -> Start:
    options = json.dumps({"engine": engine})

    def start(python: Path, _: Path) -> None:
        # It ends as soon as it is ready, because there is no job.
        command = [str(python), "-I", "-m", "image_erase.jobs.worker", options]
        environment = worker_environment(os.environ)
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)

    return start


def _erase(python: Path, work: Path) -> None:
    command = [str(python), "-m", "image_erase", "erase", *FILES, "-o", "out.jpg", "--force"]
    subprocess.run(command, cwd=work, check=True)


def _serve(python: Path, _: Path) -> None:
    with served([str(python), "-m", "image_erase"], WORKERS="1", ENGINE="opencv"):
        pass


def _applications(python: Path, work: Path) -> None:
    subprocess.run([str(python), "-c", APPLICATIONS], cwd=work, check=True)


_STARTS: Mapping[str, Start] = {
    "worker, opencv": _worker("opencv"),
    "worker, auto": _worker("auto"),
    "erase": _erase,
    "serve, opencv, 1 worker": _serve,
    "20 applications": _applications,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
