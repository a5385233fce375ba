"""Frames between server and worker, in portions of any size, and invalid ones from a broken worker."""

import io
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_erase.jobs.frames import (
    MAX_BLOB_BYTES,
    MAX_BLOBS,
    MAX_HEAD_BYTES,
    Frame,
    FrameDecoder,
    FrameError,
    receive_frame,
    send_frame,
)

FRAME = Frame('{"a": 1, "b": "é"}'.encode(), (b"one", b"x" * 100_000))


def written(*frames: Frame) -> bytes:
    stream = io.BytesIO()
    for frame in frames:
        send_frame(stream, frame)
    return stream.getvalue()


def read(data: bytes) -> list[Frame]:
    return list(FrameDecoder().feed(data))


def test_both_sides_read_what_was_written() -> None:
    assert read(written(FRAME)) == [FRAME]
    assert receive_frame(io.BytesIO(written(FRAME))) == FRAME


@settings(max_examples=50)
@given(
    st.lists(st.builds(Frame, st.binary(max_size=50), st.lists(st.binary(max_size=50), max_size=2).map(tuple))),
    st.lists(st.integers(1, 40), min_size=1),
)
def test_portions_make_no_difference(frames: list[Frame], portions: list[int]) -> None:
    found: list[Any] = []
    data, decoder, number = written(*frames), FrameDecoder(), 0
    while data:
        size = portions[number % len(portions)]
        found += decoder.feed(data[:size])
        data, number = data[size:], number + 1
    assert found == frames


def test_the_end_of_the_pipe() -> None:
    assert receive_frame(io.BytesIO(b"")) is None
    assert receive_frame(io.BytesIO(written(FRAME)[:-1])) is None
    assert read(written(FRAME)[:-1]) == []


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff\x00",
        struct.pack(">IB", MAX_HEAD_BYTES + 1, 0),
        struct.pack(">IB", 2, MAX_BLOBS + 1),
        struct.pack(">IBI", 2, 1, MAX_BLOB_BYTES + 1),
        b"Segmentation fault",
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        read(data)
