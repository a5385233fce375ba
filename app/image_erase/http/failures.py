"""Failures that a client is told of, and the form in which the HTTP layers pass them on.

This room knows what can be wrong with a request as HTTP sees it, not the words for it: whoever builds the server
passes in a function that renders a failure as an answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus

from starlette.responses import Response

from image_erase.http.cors import CorsPolicy
from image_erase.http.identity import RequestIds


class HttpFailure(Exception):
    """The base of every failure that is answered as such instead of being an unexpected error."""


class Reason(Enum):
    """What is wrong with a request, or with the server's ability to answer it."""

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
    STOPPING = auto()
    UNEXPECTED = auto()


class Refused(HttpFailure):
    """A request that an HTTP layer refuses.

    detail: what is wrong, for the client to read: no path, no stack, no secret. headers: response headers that belong
    to the failure. field: of the form, that the failure is about.
    """

    def __init__(
        self, reason: Reason, detail: str, headers: Mapping[str, str] | None = None, field: str | None = None
    ) -> None:
        super().__init__(f"{reason.name}: {detail}")
        self.reason, self.detail, self.field = reason, detail, field
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class FailureAnswer:
    """A failure as an answer. code: its name in the log line and in the metrics."""

    status: int
    code: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def phrase(self) -> str:
        """The status in HTTP's words."""
        return HTTPStatus(self.status).phrase


#: Puts a failure into the words of an API.
Render = Callable[[RequestIds, HttpFailure], FailureAnswer]


@dataclass(frozen=True)
class Refuser:
    """Answers failures outside the application: in the words of an API, readable for the origins of `cors`.

    render: the words of every path. others: those of the paths at or below a path, in place of it.
    """

    render: Render
    cors: CorsPolicy
    others: Mapping[str, Render] = field(default_factory=dict)

    def answer(self, ids: RequestIds, failure: HttpFailure, origin: str | None, path: str = "") -> FailureAnswer:
        """The whole answer. origin: the request's `Origin`, where one is known. path: its path, where that is known."""
        answer = self._render_of(path)(ids, failure)
        headers = {"Content-Type": "application/json", **answer.headers, **self.cors.headers(origin)}
        return FailureAnswer(answer.status, answer.code, answer.body, headers)

    def response(self, answer: FailureAnswer) -> Response:
        """The answer as an ASGI application."""
        return Response(answer.body, answer.status, answer.headers)

    def _render_of(self, path: str) -> Render:
        return next((other for root, other in self.others.items() if is_at_or_below(path, root)), self.render)


def is_at_or_below(path: str, root: str) -> bool:
    """Whether a path is the root or one below it."""
    return path == root or path.startswith(f"{root}/")
