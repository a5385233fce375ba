"""Events of the server, for whoever counts them.

Each part reports its events to the observer that it was given and does not know who listens.
"""

from collections.abc import Mapping
from typing import Any


class Observer:
    """Base class that ignores all events. Times are in seconds."""

    def request_ended(self, endpoint: str, status: int | None, code: str) -> None:
        """A request ended.

        endpoint: one of a few names. status: None if the client disconnected first. code: empty on success.
        """

    def job_began(self, waited: float) -> None:
        """A job got a worker. waited: seconds in the queue."""

    def job_done(self, facts: Mapping[str, Any]) -> None:
        """A job produced an image. facts: reported by its worker, so validate them before use."""

    def result_stored(self, seconds: float, size: int) -> None:
        """A result was stored. size: in bytes."""

    def swept(self, deleted: int) -> None:
        """Expired files were deleted. deleted: their number."""

    def task_failed(self, task: str) -> None:
        """A background task failed and will be restarted. task: its name."""

    def worker_ended(self) -> None:
        """A worker process ended or was killed and is replaced."""


#: Default for parts whose events nobody counts.
UNOBSERVED = Observer()
