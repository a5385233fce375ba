"""Answers to failures outside the application."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import Response

from image_erase.http.cors import CorsPolicy
from image_erase.http.failures import FailureAnswer, HttpFailure, Render, is_at_or_below
from image_erase.http.identity import RequestIds


@dataclass(frozen=True)
class Refuser:
    """Answers failures outside the application, in the form of an API and with CORS headers.

    render: for all paths, except those in `others`: renderers of the paths at or below a given path.
    """

    render: Render
    cors: CorsPolicy
    others: Mapping[str, Render] = field(default_factory=dict)

    def answer(self, ids: RequestIds, failure: HttpFailure, origin: str | None, path: str = "") -> FailureAnswer:
        """Return the complete response. origin, path: the request's `Origin` and path, if known."""
        answer = self._render_of(path)(ids, failure)
        headers = {"Content-Type": "application/json", **answer.headers, **self.cors.headers(origin)}
        return FailureAnswer(answer.status, answer.code, answer.body, headers)

    def response(self, answer: FailureAnswer) -> Response:
        """Return the response as an ASGI application."""
        return Response(answer.body, answer.status, answer.headers)

    def _render_of(self, path: str) -> Render:
        return next((other for root, other in self.others.items() if is_at_or_below(path, root)), self.render)
