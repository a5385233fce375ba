"""Messages from workers: round trips, and refusal of invalid ones."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_erase.contract.failures import FAILURE_CODES
from image_erase.imaging import failures
from image_erase.jobs.frames import Frame, FrameError
from image_erase.jobs.messages import (
    Begun,
    Done,
    Facts,
    Failed,
    Failure,
    FromWorker,
    Place,
    Pong,
    Ready,
    Refused,
    frame_of,
)
from image_erase.jobs.reading import message_of

FACTS = Facts(1.5, 20, 3.25, "exemplar+opencv", 640, 480, 0.25, "best", 2**40, None)
PLACE = Place("jpg", 8, 0, 640, 16, 0, 4)
MESSAGES = [
    Ready("1.2.3"),
    Ready("1.2.3", "Traceback"),
    Refused("ERASE_ONNX_MODEL: no"),
    Pong(),
    Begun(),
    Done("png", FACTS, b"data"),
    Done("jpg", FACTS, b"data", b"part", PLACE),
    *(Failed(failure, "mask", "What is wrong.", "Traceback") for failure in Failure),
]
DONE = json.loads(frame_of(Done("png", FACTS)).head)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.kind)
def test_arrives_as_it_was_sent(message: FromWorker) -> None:
    assert message_of(frame_of(message)) == message


@pytest.mark.parametrize(
    "fact",
    [
        {"decode_ms": float("nan")},
        {"erase_ms": float("inf")},
        {"encode_ms": -1.0},
        {"encode_ms": "7"},
        {"engine": "x" * 2000},
        {"engine": ["opencv"]},
        {"width": 0},
        {"height": 2**40},
        {"width": True},
        {"hole": 1.5},
        {"effort": "extreme"},
        {"seed": 0.5},
        {"reencode_reason": "x" * 2000},
    ],
    ids=str,
)
def test_facts_that_cannot_be_are_refused(fact: dict[str, object]) -> None:
    head = DONE | {"facts": asdict(FACTS) | fact}
    with pytest.raises(FrameError):
        message_of(Frame(json.dumps(head).encode(), (b"data", b"")))


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"kind": "job"},
        {"kind": "done"},
        DONE | {"suffix": "../../etc/passwd"},
        DONE | {"facts": None},
        DONE | {"place": asdict(PLACE) | {"suffix": "tif"}},
        DONE | {"place": asdict(PLACE) | {"x": -1}},
        DONE | {"place": asdict(PLACE) | {"width": 0}},
        DONE | {"place": asdict(PLACE) | {"top": 2**40}},
        {"kind": "failed", "failure": "no such failure"},
        {"kind": "failed", "failure": "failed", "subject": "server"},
        {"kind": "failed", "failure": "failed", "detail": "x" * 2000},
        {"kind": "ready"},
        {"kind": "ready", "version": 1},
        [],
        None,
    ],
    ids=str,
)
def test_heads_that_cannot_be_are_refused(head: object) -> None:
    with pytest.raises(FrameError):
        message_of(Frame(json.dumps(head).encode(), (b"data", b"")))


@settings(max_examples=100)
@given(st.binary(max_size=200), st.lists(st.binary(max_size=5), max_size=2))
def test_any_other_bytes_are_refused(head: bytes, blobs: list[bytes]) -> None:
    with pytest.raises(FrameError):
        message_of(Frame(head, tuple(blobs)))


def test_a_result_without_its_file_is_refused() -> None:
    with pytest.raises(FrameError):
        message_of(Frame(frame_of(Done("png", FACTS)).head))
    with pytest.raises(FrameError):
        message_of(Frame(frame_of(Pong()).head, (b"data",)))


def test_every_failure_of_imaging_has_a_name_and_a_code() -> None:
    named = {kind.name for kind in failures.ImagingFailure.__subclasses__()}
    assert named | {"no_memory", "failed"} == set(Failure)
    assert set(FAILURE_CODES) == set(Failure)
