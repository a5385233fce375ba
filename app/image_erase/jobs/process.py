"""The server's side of one worker process: start it, send it jobs and end it, each with a time limit."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from image_erase import __version__
from image_erase.jobs.messages import Begun, Done, Failed, FromWorker, Job, Ping, Pong, Ready, Refused
from image_erase.jobs.options import JobOptions
from image_erase.jobs.worker_pipes import WorkerPipes
from image_erase.system import kill_session, start_apart

PROGRAM = (sys.executable, "-I", "-m", "image_erase.jobs.worker")
_LOGGED_BYTES = 16 * 1024
# A worker that writes more than this to standard error during one job is faulty.
_MAX_STDERR_BYTES = 1024 * 1024
# The only variables of the server's environment that workers inherit: none contains a secret.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_OWN = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_LOG_LEVEL": "ERROR", "PYTHONUNBUFFERED": "1"}

log = logging.getLogger(__name__)

Reply = asyncio.Future[FromWorker | None]


class WorkerDied(Exception):
    """The worker could not be started, has ended, or violated the protocol. The message is the reason, for the log."""


@dataclass(frozen=True)
class WorkerTimeouts:
    """Time limits of a worker, in seconds.

    start: until it is ready. idle: after which it gets a ping. pong: until it answers that.
    end: until it has ended after it was killed. restart: pause after a failed start, doubled each time.
    """

    start: float = 60.0
    idle: float = 10.0
    pong: float = 5.0
    end: float = 5.0
    restart: float = 1.0


DEFAULT_TIMEOUTS = WorkerTimeouts()


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a worker, which contains only what it needs."""
    return {name: environment[name] for name in _PASSED_ON if name in environment} | _OWN


class WorkerProcess:
    """A worker that is ready for jobs, one at a time.

    Any fault (it ends, is silent, sends an unexpected or an invalid message) makes it lost: `gone` is done, with the
    reason, and the only method still to be called is `end`.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", timeouts: WorkerTimeouts) -> None:
        self._process, self._timeouts = process, timeouts
        self._loop = asyncio.get_running_loop()
        self._pipes = WorkerPipes(process, take=self._take, lose=self.lose, output=self._log_output)
        self._stderr_bytes = 0
        self._reply: Reply | None = None
        self._expected: tuple[type, ...] = ()
        self.gone: asyncio.Future[str] = self._loop.create_future()
        #: The request whose job it runs, or ran when it was lost.
        self.request_id: str | None = None
        #: Whether it has confirmed the last job sent to it.
        self.has_begun = False
        #: Why it re-encodes every JPEG as a whole, None if it does not.
        self.reencode_reason: str | None = None
        #: Whether it has ever answered a job or a ping.
        self.has_answered = False

    @classmethod
    async def start(
        cls, options: JobOptions, *, program: Sequence[str] = PROGRAM, timeouts: WorkerTimeouts = DEFAULT_TIMEOUTS
    ) -> "WorkerProcess":
        """Start a worker and wait until it has warmed up. Raises WorkerDied, and leaves nothing running then.

        program: the command, to which the options are added as JSON.
        """
        worker = cls(_started([*program, options.to_json()]), timeouts)
        try:
            async with asyncio.timeout(timeouts.start):
                # Before the pipes are connected: its first message may be in one of them already.
                first = worker._expect(Ready, Refused)
                await worker._pipes.connect()
                await worker._await_ready(first)
        except TimeoutError:
            await worker.end()
            raise WorkerDied(f"a worker was not ready within {timeouts.start:.0f} s") from None
        except OSError as error:
            await worker.end()
            raise WorkerDied(f"a worker cannot be reached ({error})") from None
        except BaseException:
            await worker.end()
            raise
        return worker

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._process.pid

    def send(self, message: Job | Ping, request_id: str | None = None) -> Reply:
        """Send a job or a ping, and return a future of its answer, or of None if the worker is lost first.

        It may never be done, so wait with a time limit. If nobody waits for an answer any more, call `lose`.
        """
        self.request_id, self.has_begun, self._stderr_bytes = request_id, False, 0
        reply = self._expect(*((Pong,) if isinstance(message, Ping) else (Done, Failed)))
        if not self.gone.done():
            self._pipes.send(message)
        return reply

    def lose(self, reason: str) -> None:
        """Mark the worker as lost. reason: for the log."""
        if not self.gone.done():
            self.gone.set_result(reason)
        if self._reply and not self._reply.done():
            self._reply.set_result(None)

    async def end(self) -> int | None:
        """Kill it and all processes that it has started, and close its pipes.

        Returns the exit code, negative for a signal; None if it has not ended in time. Cancellation does not
        interrupt it.
        """
        ending = asyncio.ensure_future(self._end())
        try:
            return await asyncio.shield(ending)
        except asyncio.CancelledError:
            await asyncio.wait({ending})
            raise

    async def _end(self) -> int | None:
        self.lose("ended by the server")
        self._kill()
        try:
            code = await self._reaped()
            await self._pipes.read_rest(self._timeouts.end)
        finally:
            self._pipes.close()
        return code

    async def _await_ready(self, reply: Reply) -> None:
        first = await reply
        if first is None:
            raise WorkerDied(f"a worker did not start: {self.gone.result()}")
        if isinstance(first, Refused):
            raise WorkerDied(first.reason)
        assert isinstance(first, Ready)
        if first.version != __version__:
            raise WorkerDied(f"a worker is of version {first.version[:32]!r}, the server of {__version__}")
        self._log_trace(first.trace, "worker could not warm up")
        self.reencode_reason = first.reencode_reason

    def _expect(self, *kinds: type) -> Reply:
        self._expected, self._reply = kinds, self._loop.create_future()
        if self.gone.done():
            self._reply.set_result(None)
        return self._reply

    def _take(self, message: FromWorker) -> None:
        if isinstance(message, Begun) and Done in self._expected and not self.has_begun:
            self.has_begun = True
        elif not self._is_awaited(message) or self._reply is None:
            self.lose(f"sent an unexpected message {message.kind!r}")
        else:
            self._answered(self._reply, message)

    def _is_awaited(self, message: FromWorker) -> bool:
        asked = self._reply is not None and not self._reply.done() and isinstance(message, self._expected)
        return asked and (self.has_begun or not isinstance(message, Done | Failed))

    def _answered(self, reply: Reply, message: FromWorker) -> None:
        if isinstance(message, Failed):
            self._log_trace(message.trace, "job failed")
        self.has_answered = self.has_answered or not isinstance(message, Ready)
        self.request_id, self._expected, self._reply = None, (), None
        reply.set_result(message)

    def _kill(self) -> None:
        """Kill its whole session. It has not been waited for yet, so the ID cannot belong to another process."""
        if self._process.returncode is None:
            kill_session(self._process)

    async def _reaped(self) -> int | None:
        pause, waited = 0.002, 0.0
        while (code := self._process.poll()) is None and waited < self._timeouts.end:
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(2 * pause, 0.1)
        if code is None:
            log.error("worker does not exit", extra={"pid": self.pid})
        return code

    def _log_trace(self, trace: str | None, what: str) -> None:
        """Log the stack in a message; it is used for nothing else."""
        if trace:
            log.error(what, extra={"request_id": self.request_id, "pid": self.pid, "trace": trace})

    def _log_output(self, data: bytes) -> None:
        """Log its standard error: output of libraries, or of Python when it crashes."""
        self._stderr_bytes += len(data)
        if self._stderr_bytes > _MAX_STDERR_BYTES:
            self.lose("wrote too much to standard error")
            return
        text = data[-_LOGGED_BYTES:].decode("utf-8", "replace").strip()
        log.warning("worker output", extra={"request_id": self.request_id, "pid": self.pid, "text": text})


def _started(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    try:
        # In a session of its own, without signals from the terminal: the server ends its workers.
        return start_apart(command, worker_environment(os.environ))
    except OSError as error:
        raise WorkerDied(f"a worker cannot be started ({error.strerror or error})") from None
