"""`image-erase erase` as a process."""

import os
import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("image-erase")


def environment(**settings: str) -> dict[str, str]:
    """One worker and the quickest engine, unless the test says otherwise."""
    return {"PATH": os.environ["PATH"], "ERASE_WORKERS": "1", "ERASE_ENGINE": "opencv"} | settings


def start_erase(folder: Path, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, "erase", *arguments],
        cwd=folder,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_erase(
    folder: Path, *arguments: str, standard_input: bytes = b"", **settings: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [COMMAND, "erase", *arguments],
        cwd=folder,
        env=environment(**settings),
        input=standard_input,
        capture_output=True,
        timeout=60,
        check=False,
    )


def lines(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    """What it wrote to standard error."""
    return done.stderr.decode().splitlines()


def tree(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
