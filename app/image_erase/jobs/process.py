"""The server's side of one worker process: start it, ask it, kill it."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

from image_erase.jobs.frames import TRACE, Frame, FrameError, read_frame

START_SECONDS = 60.0
_BUFFER_BYTES = 1024 * 1024
_REMARK_BYTES = 16 * 1024
# All that a worker may know of the server's environment; above all, none of its secrets.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_OWN = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_LOG_LEVEL": "ERROR", "PYTHONUNBUFFERED": "1"}


log = logging.getLogger(__name__)


class WorkerDied(Exception):
    """The worker ended, or spoke nonsense, instead of answering."""


class WorkerGone(WorkerDied):
    """The worker ended before it began with the job, which another can still do."""


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment that a worker gets: nothing that it does not need."""
    return {name: environment[name] for name in _PASSED_ON if name in environment} | _OWN


class WorkerProcess:
    """A worker that is ready for jobs, one at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout
        self._remarks = asyncio.create_task(self._log_remarks(process.stderr))
        #: The request whose job it has, None while it has none.
        self.request_id: str | None = None

    @classmethod
    async def start(cls, options: Mapping[str, Any]) -> "WorkerProcess":
        """Start a worker and wait until it has warmed up. options: a JobOptions as a mapping. Raises WorkerDied."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-m", "image_erase.jobs.worker", json.dumps(options)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=worker_environment(os.environ),
            limit=_BUFFER_BYTES,
            # Away from the terminal's signals: a worker ends when the server says so.
            start_new_session=True,
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                first = await worker._read()
            if "refused" in first.head:
                raise WorkerDied(first.head["refused"])
            worker._log_trace(first, "worker could not warm up")
        except TimeoutError:
            await worker.end()
            raise WorkerDied(f"a worker was not ready within {START_SECONDS:.0f} s") from None
        except BaseException:
            await worker.end()
            raise
        return worker

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ask(self, request: Frame) -> Frame:
        """Send a job and wait for its answer.

        Raises WorkerGone or WorkerDied. A cancelled ask leaves the worker unusable.
        """
        self.request_id = request.head.get("request_id")
        try:
            self._stdin.writelines(request.pieces())
            await self._stdin.drain()
            await self._read()  # its word that it has the job
        except (ConnectionError, RuntimeError, WorkerDied):
            raise WorkerGone from None
        answer = await self._read()
        self._log_trace(answer, "job failed")
        self.request_id = None
        return answer

    async def ended(self) -> int:
        """Wait for its end. Returns the exit code, negative for a signal."""
        return await self._process.wait()

    async def end(self) -> None:
        """Kill it, whatever it is doing, and wait until it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        self._stdin.close()
        await self._process.wait()
        await asyncio.wait({self._remarks})

    async def _read(self) -> Frame:
        try:
            return await read_frame(self._stdout)
        except (asyncio.IncompleteReadError, ConnectionError, FrameError):
            raise WorkerDied("a worker died") from None

    def _log_trace(self, answer: Frame, what: str) -> None:
        """Log the stack that came with an answer, and take it off: it must reach no client."""
        if trace := answer.head.pop(TRACE, None):
            log.error(what, extra={"request_id": self.request_id, "pid": self.pid, TRACE: str(trace)})

    async def _log_remarks(self, stderr: asyncio.StreamReader) -> None:
        """Log what it writes to standard error: a library's remark, Python's last words."""
        while remark := await stderr.read(_REMARK_BYTES):
            text = remark.decode("utf-8", "replace").strip()
            log.warning("worker wrote", extra={"request_id": self.request_id, "pid": self.pid, "text": text})
