"""Pipes to workers, closed by each event loop: files that other threads open meanwhile stay open."""

import asyncio
import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from image_erase.jobs import process
from image_erase.jobs.options import JobOptions
from image_erase.jobs.pipe import Pipe
from image_erase.system import start_apart
from support.processes import open_files

ROUNDS = 1000
LOOPS: list[Any] = [asyncio.new_event_loop]
if sys.platform != "win32":
    import uvloop

    LOOPS.append(uvloop.new_event_loop)


def pipe() -> tuple[Pipe, int]:
    """A pipe's reading end, and the descriptor of the other."""
    reading, writing = os.pipe()
    return Pipe(os.fdopen(reading, "rb", buffering=0)), writing


def test_closes_once(tmp_path: Path) -> None:
    before = open_files()
    own, other = pipe()
    own.close()
    os.close(other)
    assert open_files() == before
    with (tmp_path / "other").open("wb") as file:
        own.close()
        file.write(b"still open")
        file.flush()


def test_a_number_that_was_closed_elsewhere_is_not_closed_again(tmp_path: Path) -> None:
    own, other = pipe()
    with (tmp_path / "other").open("wb") as file:
        os.dup2(file.fileno(), own.fileno())  # uvloop has closed it, and a thread has opened a file
    own.close()
    os.write(own.fileno(), b"still open")
    os.close(own.fileno())
    os.close(other)


class Watched(asyncio.Protocol):
    """Knows when its connection is closed."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


@contextmanager
def files_in_threads(folder: Path) -> Iterator[list[OSError]]:
    """Opens, looks at and closes a folder without a pause, in threads; yields what goes wrong."""
    failures: list[OSError] = []
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            try:
                descriptor = os.open(folder, os.O_RDONLY)
                os.fstat(descriptor)
                os.close(descriptor)
            except OSError as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


@pytest.mark.skipif(sys.platform == "win32", reason="there the streams themselves are the pipes")
@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_worker_whose_pipes_cannot_be_taken_leaves_nothing(failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, original = iter(range(1, 10)), os.dup
    started: list[subprocess.Popen[bytes]] = []

    def duplicate(descriptor: int) -> int:
        if next(calls) == failing:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return original(descriptor)

    def start(*arguments: Any) -> "subprocess.Popen[bytes]":
        started.append(start_apart(*arguments))
        return started[-1]

    async def main() -> None:
        before = open_files()
        with monkeypatch.context() as patch:
            patch.setattr(os, "dup", duplicate)
            patch.setattr(process, "start_apart", start)
            with pytest.raises(process.WorkerDied, match="Too many open files"):
                await process.WorkerProcess.start(JobOptions(), program=(sys.executable, "-c", "input()"))
        assert open_files() == before
        assert started[0].returncode is not None

    asyncio.run(main())


@pytest.mark.parametrize("make_loop", LOOPS)
def test_closed_transports_close_nothing_else(
    tmp_path: Path, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def connect_and_close() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(ROUNDS):
            own, other = pipe()
            transport, protocol = await loop.connect_read_pipe(Watched, own)
            transport.close()
            await protocol.closed.wait()
            os.close(other)

    with files_in_threads(tmp_path) as failures, asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(asyncio.wait_for(connect_and_close(), 60))
    assert not failures
