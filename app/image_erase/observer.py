"""The events of the server, for metrics and traces.

Each part reports its events to the observer that it was given and does not know which one it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stage:
    """A stage of a request: receive, queue, decode, erase (or select), encode or store.

    started: in seconds since the start of the request.
    """

    name: str
    started: float
    seconds: float
    attributes: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Served:
    """A request that was answered, or whose client disconnected.

    endpoint: one of a few names. status: None if the client disconnected first. code: empty on success. started: in
    seconds since the epoch. trace: the headers `traceparent` and `tracestate`.
    """

    method: str
    endpoint: str
    status: int | None
    code: str
    request_id: str
    started: float
    seconds: float
    stages: tuple[Stage, ...]
    trace: Mapping[str, str]


class Observer:
    """Base class that ignores all events. Times are in seconds."""

    def request_ended(self, endpoint: str, status: int | None, code: str) -> None:
        """A request ended.

        endpoint: one of a few names. status: None if the client disconnected first. code: empty on success.
        """

    def request_served(self, served: Served) -> None:
        """The application has served a request, other than a successful health check or scrape."""

    def job_began(self, waited: float) -> None:
        """A job got a worker. waited: seconds in the queue."""

    def job_done(self, seconds: Mapping[str, float], engines: Sequence[str]) -> None:
        """A job produced an image. seconds: by stage. engines: the names of those that filled something."""

    def result_stored(self, seconds: float, size: int) -> None:
        """A result was stored. size: in bytes."""

    def swept(self, deleted: int) -> None:
        """Expired files were deleted. deleted: their number."""

    def task_failed(self, task: str) -> None:
        """A background task failed and will be restarted. task: its name."""

    def worker_ended(self) -> None:
        """A worker process ended or was killed and is replaced."""


class Observers(Observer):
    """Passes events on to several observers."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def request_ended(self, endpoint: str, status: int | None, code: str) -> None:
        """See Observer."""
        for each in self._observers:
            each.request_ended(endpoint, status, code)

    def request_served(self, served: Served) -> None:
        """See Observer."""
        for each in self._observers:
            each.request_served(served)

    def job_began(self, waited: float) -> None:
        """See Observer."""
        for each in self._observers:
            each.job_began(waited)

    def job_done(self, seconds: Mapping[str, float], engines: Sequence[str]) -> None:
        """See Observer."""
        for each in self._observers:
            each.job_done(seconds, engines)

    def result_stored(self, seconds: float, size: int) -> None:
        """See Observer."""
        for each in self._observers:
            each.result_stored(seconds, size)

    def swept(self, deleted: int) -> None:
        """See Observer."""
        for each in self._observers:
            each.swept(deleted)

    def task_failed(self, task: str) -> None:
        """See Observer."""
        for each in self._observers:
            each.task_failed(task)

    def worker_ended(self) -> None:
        """See Observer."""
        for each in self._observers:
            each.worker_ended()


#: Default for parts whose events are not counted.
UNOBSERVED = Observer()
