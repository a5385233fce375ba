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
    to the failure.
    """

    def __init__(self, reason: Reason, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{reason.name}: {detail}")
        self.reason, self.detail = reason, detail
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
    """Answers failures outside the application: in the words of `render`, readable for the origins of `cors`."""

    render: Render
    cors: CorsPolicy

    def answer(self, ids: RequestIds, failure: HttpFailure, origin: str | None) -> FailureAnswer:
        """The whole answer. origin: the request's `Origin`, where one is known."""
        answer = self.render(ids, failure)
        headers = {"Content-Type": "application/json", **answer.headers, **self.cors.headers(origin)}
        return FailureAnswer(answer.status, answer.code, answer.body, headers)

    def response(self, answer: FailureAnswer) -> Response:
        """The answer as an ASGI application."""
        return Response(answer.body, answer.status, answer.headers)
