"""Background tasks: failures are counted and shown, and failed tasks are restarted with growing pauses."""

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from types import TracebackType
from typing import Self

from image_erase.observer import UNOBSERVED, Observer

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
#: A task that has run for this long since its last failure counts as working again.
SETTLED_SECONDS = 60.0
STOP_SECONDS = 5.0

Run = Callable[[], Awaitable[object]]
Sleep = Callable[[float], Awaitable[None]]


@dataclass
class _Task:
    """The state of a task. failures: in a row. since: time of the last start; None during a pause."""

    name: str
    run: Run
    interval: float | None = None
    failures: int = 0
    since: float | None = None
    ended: bool = False
    kinds: set[type[BaseException]] = field(default_factory=set)

    def succeeded(self) -> None:
        if self.failures:
            log.info("background task recovered", extra={"task": self.name, "failures": self.failures})
        self.failures = 0
        self.kinds.clear()


class Supervisor:
    """Runs background tasks between entering and leaving it; the end of one never ends another or the server.

    A task that raises is logged, counted and started again after 1, 2, 4, ... at most 60 s, a repeated one after at
    most its interval. It counts as failing until it has returned, or has run for SETTLED_SECONDS. Cancellation by
    anything but the supervisor is a failure too.
    """

    def __init__(
        self,
        observer: Observer = UNOBSERVED,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        """sleep, monotonic: in seconds. stop_seconds: how long stopping waits for tasks that ignore cancellation."""
        self._observer, self._sleep, self._monotonic = observer, sleep, monotonic
        self._tasks: dict[str, _Task] = {}
        self._stop_seconds = stop_seconds
        self._running: list[asyncio.Task[None]] | None = None

    def add(self, name: str, run: Run) -> None:
        """Supervise a task. If the supervisor runs already, it starts at once.

        name: unique, for log, metrics and readiness. run: returns a new coroutine for every start; a task whose
        coroutine returns is done.
        """
        self._supervise(_Task(name, run))

    def every(self, name: str, seconds: float, run: Run, *, delay: float = 0) -> None:
        """Supervise a task that is repeated: run() is called, and again that many seconds after it has returned.

        name: as for add(). delay: seconds before the first call.
        """

        async def delayed() -> None:
            task = self._tasks[name]
            if delay and not task.failures:
                await self._sleep(delay)
            while True:
                await run()
                task.succeeded()
                await self._sleep(seconds)

        self._supervise(_Task(name, delayed, interval=seconds))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tasks."""
        return tuple(self._tasks)

    def is_failing(self, name: str) -> bool:
        """Whether the task has failed and has not worked since."""
        task = self._tasks[name]
        if not task.failures or task.ended:
            return False
        # A repeated task works again when it succeeds; any other, when it has run for some time.
        return task.interval is not None or task.since is None or self._monotonic() - task.since < SETTLED_SECONDS

    @property
    def failing(self) -> tuple[str, ...]:
        """The names of the tasks that fail."""
        return tuple(name for name in self._tasks if self.is_failing(name))

    async def __aenter__(self) -> Self:
        """Start the tasks."""
        self._running = [self._start(task) for task in self._tasks.values()]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel the tasks and wait for their end, for a limited time."""
        running, self._running = self._running or [], None
        for task in running:
            task.cancel()
        if running:
            _, stuck = await asyncio.wait(running, timeout=self._stop_seconds)
            for task in stuck:
                log.error("background task does not stop", extra={"task": task.get_name()})

    def _supervise(self, task: _Task) -> None:
        if task.name in self._tasks:
            raise ValueError(f"a task {task.name} already exists")
        self._tasks[task.name] = task
        if self._running is not None:
            self._running.append(self._start(task))

    def _start(self, task: _Task) -> asyncio.Task[None]:
        return asyncio.create_task(self._keep(task), name=task.name)

    async def _keep(self, task: _Task) -> None:
        while not task.ended:
            task.since = self._monotonic()
            try:
                await task.run()
            except asyncio.CancelledError as error:
                if _is_cancelled():
                    raise
                await self._pause(task, error)
            except Exception as error:
                await self._pause(task, error)
            else:
                task.ended = True
                task.succeeded()

    async def _pause(self, task: _Task, error: BaseException) -> None:
        """Report a failure, and wait before the next start."""
        assert task.since is not None
        if task.interval is None and self._monotonic() - task.since >= SETTLED_SECONDS:
            task.succeeded()
        task.since = None
        task.failures += 1
        self._observer.task_failed(task.name)
        longest = LONGEST_PAUSE_SECONDS if task.interval is None else min(LONGEST_PAUSE_SECONDS, task.interval)
        pause = min(longest, FIRST_PAUSE_SECONDS * 2 ** min(task.failures - 1, 10))
        _tell(task, error, pause)
        await self._sleep(pause)


def _is_cancelled() -> bool:
    """Whether this task itself was cancelled, and not only something that it waits for."""
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0


def _tell(task: _Task, error: BaseException, pause: float) -> None:
    """Log a failure: the first of each kind, then less and less often."""
    if type(error) in task.kinds and task.failures.bit_count() > 1:
        return
    task.kinds.add(type(error))
    facts = {"task": task.name, "failures": task.failures, "restart_seconds": pause}
    log.error("background task failed", extra=facts | {"reason": describe(error), "at": _place(error)})


def describe(error: BaseException) -> str:
    """Return one line about an error, for the log.

    Of errors of libraries only the type is shown: their messages may quote requests, which contain secrets.
    """
    if isinstance(error, BaseExceptionGroup):
        kinds = sorted({describe(inner) for inner in error.exceptions})
        return f"{len(error.exceptions)} errors: {'; '.join(kinds[:3])}"
    kind = type(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{kind.__name__}: {error.strerror}"
    own = kind.__module__.partition(".")[0] == __name__.partition(".")[0]
    first = str(error).partition("\n")[0] if own else ""
    return f"{kind.__name__}: {first}" if first else kind.__name__


def _place(error: BaseException) -> str | None:
    """Where it was raised: `module.py:line`."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else None
