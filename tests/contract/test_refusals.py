"""Every reason of the HTTP layers has a vendor code."""

import json

import pytest

from image_erase.contract.refusals import REASONS, render
from image_erase.http.failures import HttpFailure, Reason, Refused
from image_erase.http.identity import RequestIds


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_rendered(reason: Reason) -> None:
    code, status = REASONS[reason]
    answer = render(RequestIds(), Refused(reason, "What is wrong.", {"X-More": "1"}))
    assert (answer.code, answer.status) == (code.name, status or code.status)
    assert answer.headers["X-More"] == "1"
    assert json.loads(answer.body)["error_msg"] == f"{code.text} - What is wrong."


def test_a_failure_of_no_known_kind_says_nothing_of_itself() -> None:
    answer = render(RequestIds(), HttpFailure("/secret/path"))
    assert (answer.code, answer.status) == ("UNKNOWN_ERROR", 500)
    assert b"secret" not in answer.body
