"""The command in a process that needs not load it: forked from one that has.

Loading takes most of the processor time of a short run. What differs from a process of the command's own: the
kernel shows another command line and environment of it, and what an environment variable changes while modules are
loaded. Tests of these start the command itself.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

#: What `serve` and `doctor` load.
LOADED = (
    "image_erase.cli",
    "image_erase.server",
    "image_erase.greeting",
    "image_erase.listening",
    "image_erase.reloading",
    "image_erase.stopping",
    "image_erase.http.protocol",
    "image_erase.doctor",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "pydantic.v1",
)
SECONDS = 60.0
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(list(LOADED))


class ForkedCommand:
    """A run of the command, with what subprocess.Popen has for it."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        environment: Mapping[str, str],
        folder: Path,
        output: IO[bytes],
        errors: IO[bytes],
    ) -> None:
        """arguments: without the program. folder: where it runs. output, errors: files that it writes to."""
        words, files = list(map(str, arguments)), (output.name, errors.name)
        arguments_of_run = words, dict(environment), str(folder), files
        self._process = _CONTEXT.Process(target=_run, args=arguments_of_run, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """The exit code, once it has ended. timeout: in seconds. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired("image-erase", timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing happens where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run_forked(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run that ends by itself, and what it wrote. folder: where it runs. environment: all that it has."""
    with NamedTemporaryFile() as output, NamedTemporaryFile() as errors:
        process = ForkedCommand(arguments, environment, folder, output, errors)
        try:
            code = process.wait(SECONDS)
        finally:
            process.kill()
        return subprocess.CompletedProcess(arguments, code, output.read().decode(), errors.read().decode())


def _run(arguments: list[str], environment: dict[str, str], folder: str, files: tuple[str, str]) -> None:
    """In the forked process: what the shell and the interpreter do for the command."""
    for number, (path, flags) in enumerate([(os.devnull, os.O_RDONLY), *((file, os.O_WRONLY) for file in files)]):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [str(Path(sys.executable).with_name("image-erase")), *arguments]
    from image_erase.cli import main

    main(arguments, "image-erase")
