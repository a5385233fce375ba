"""Failures that are reported to the client, and how the HTTP layers pass them on.

This package defines what can be wrong with a request at the level of HTTP, not how it is worded: a function that
renders a failure as a response is passed in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus

from image_erase.http.identity import RequestIds


class HttpFailure(Exception):
    """Base class of failures that are reported to the client, in contrast to unexpected errors."""


class Reason(Enum):
    """Why a request is refused."""

    MALFORMED = auto()
    HEAD_OVERDUE = auto()
    BODY_OVERDUE = auto()
    TOO_MANY_CONNECTIONS = auto()
    RECEIVE_MEMORY_FULL = auto()
    NOT_MULTIPART = auto()
    BODY_TOO_LARGE = auto()
    FILE_TOO_LARGE = auto()
    TOO_MANY_FILES = auto()
    FIELD_REPEATED = auto()
    FILE_MISSING = auto()
    FILE_EMPTY = auto()
    BAD_HOST = auto()
    NOT_FOUND = auto()
    STOPPING = auto()
    UNEXPECTED = auto()


class Refused(HttpFailure):
    """A request that an HTTP layer refuses.

    detail: what is wrong, for the client: without paths, stack traces and secrets. headers: response headers that
    belong to the failure. field: the form field that the failure is about.
    """

    def __init__(
        self, reason: Reason, detail: str, headers: Mapping[str, str] | None = None, field: str | None = None
    ) -> None:
        super().__init__(f"{reason.name}: {detail}")
        self.reason, self.detail, self.field = reason, detail, field
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class FailureAnswer:
    """The response to a failure. code: its name in the log line and in the metrics."""

    status: int
    code: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def phrase(self) -> str:
        """The reason phrase of the status."""
        return HTTPStatus(self.status).phrase


#: Renders a failure as a response of an API.
Render = Callable[[RequestIds, HttpFailure], FailureAnswer]


def is_at_or_below(path: str, root: str) -> bool:
    """Whether a path is `root` or below it."""
    return path == root or path.startswith(f"{root}/")
