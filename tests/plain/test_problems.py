"""Every failure has a kind of problem."""

import json

import pytest

from image_erase.contract.errors import ApiError, Code
from image_erase.http.failures import HttpFailure, Reason, Refused
from image_erase.http.identity import RequestIds
from image_erase.jobs.messages import Failure, FormatReason
from image_erase.plain.problems import FAILURES, REASONS, Kind, Problem, render
from image_erase.plain.words import FORMAT_REASONS


@pytest.mark.parametrize("reason", Reason)
def test_of_the_http_layers(reason: Reason) -> None:
    answer = render(RequestIds(), Refused(reason, "What is wrong.", {"X-More": "1"}, field="image"))
    assert (answer.status, answer.code) == (REASONS[reason].status, REASONS[reason].slug)
    assert answer.headers["X-More"] == "1"
    problem = json.loads(answer.body)
    assert (problem["detail"], problem["field"]) == ("What is wrong.", "image")


def test_of_jobs() -> None:
    assert set(FAILURES) == set(Failure)


@pytest.mark.parametrize("code", Code)
def test_of_the_vendors_codes(code: Code) -> None:
    answer = render(RequestIds(), ApiError(code, "What is wrong.", headers={"Retry-After": "1"}))
    assert answer.headers["Retry-After"] == "1"
    if code not in (Code.ERROR_ILLEGAL_OPERATION, Code.UNKNOWN_ERROR):
        assert answer.status in (code.status, 500)


def test_of_no_known_kind_says_nothing_of_itself() -> None:
    answer = render(RequestIds(), HttpFailure("/secret/path"))
    assert (answer.code, answer.status) == ("unexpected", 500)
    assert b"secret" not in answer.body


def test_types_are_uris_of_their_own() -> None:
    assert len({kind.uri for kind in Kind}) == len(Kind)
    assert render(RequestIds("x"), Problem(Kind.NOT_FOUND, "Nothing.")).headers["Content-Type"] == (
        "application/problem+json"
    )


def test_format_reasons_can_be_headers() -> None:
    assert set(FORMAT_REASONS) == set(FormatReason)
    assert all(text.isascii() and text.isprintable() and ";" not in text for text in FORMAT_REASONS.values())
