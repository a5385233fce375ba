"""Assertions about problems of the plain API."""

import re

import httpx


def assert_problem(answer: httpx.Response, status: int, slug: str, *says: str, field: str | None = None) -> None:
    """Assert that the answer is a problem of that kind, about that field, with all of `says` in its detail."""
    assert answer.status_code == status, answer.content
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == "*"
    problem = answer.json()
    assert problem["type"] == f"tag:image-erase,2026:{slug}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem.get("field") == field
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert set(problem) <= {"type", "title", "status", "detail", "field", "request_id"}
    for words in says:
        assert words in problem["detail"]
    assert not re.search(r"Traceback|\.py\b|/tmp/|0x[0-9a-f]{6}", answer.text)
