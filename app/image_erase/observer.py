"""What the parts of the server tell of their work, for whoever wants to count it.

Every room says what happened in it to an observer that it was given; none knows what becomes of that.
"""

from collections.abc import Mapping
from typing import Any


class Observer:
    """One that does nothing with what it is told. Times are in seconds."""

    def request_ended(self, endpoint: str, status: int | None, code: str) -> None:
        """A request was answered. endpoint: one of few names. status: None where nobody was left. code: "" or ours."""

    def job_began(self, waited: float) -> None:
        """A job has got a worker, for which it waited."""

    def job_done(self, facts: Mapping[str, Any]) -> None:
        """A job has made a picture. facts: what its worker says of it; a worker is not to be believed blindly."""

    def result_stored(self, seconds: float, size: int) -> None:
        """A result was stored. size: in bytes."""

    def swept(self, deleted: int) -> None:
        """Expired files were deleted."""

    def task_failed(self, task: str) -> None:
        """A background task failed, and is started again later. task: its name."""

    def worker_ended(self) -> None:
        """A worker process ended or was killed, and another takes its place."""


#: For parts that nobody watches.
UNOBSERVED = Observer()
