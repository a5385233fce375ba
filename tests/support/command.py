"""`image-erase erase`, as a process or in this one."""

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from click.testing import CliRunner

from image_erase.cli import main

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


def erase_here(
    folder: Path, *arguments: str, standard_input: bytes = b"", **settings: str
) -> subprocess.CompletedProcess[bytes]:
    """As run_erase, in this process: its own would take twice the processor time of its worker to start.

    For runs of which only the files, the lines and the exit code matter. A traceback is an error of the test.
    """
    words = ["erase", *arguments]
    with contextlib.chdir(folder), _own_logging():
        done = CliRunner(catch_exceptions=False).invoke(
            main, words, standard_input, environment(**settings), prog_name=COMMAND.name
        )
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout_bytes, done.stderr_bytes)


@contextlib.contextmanager
def _own_logging() -> Iterator[None]:
    """Restore the logging that the command has configured."""
    root = logging.getLogger()
    loggers = [root, *map(logging.getLogger, ("image_erase", "python_multipart", "uvicorn.error", "asyncio"))]
    handlers, levels = root.handlers, [logger.level for logger in loggers]
    root.handlers = []
    try:
        yield
    finally:
        root.handlers = handlers
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def lines(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    """What it wrote to standard error."""
    return done.stderr.decode().splitlines()


def tree(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
