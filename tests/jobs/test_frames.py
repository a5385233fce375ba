"""Frames between server and worker, and what a worker that has gone mad may send."""

import asyncio
import io

import pytest

from image_erase.jobs.frames import MAX_BLOB_BYTES, Frame, FrameError, read_frame, receive_frame, send_frame


def written(frame: Frame) -> bytes:
    stream = io.BytesIO()
    send_frame(stream, frame)
    return stream.getvalue()


def read(data: bytes) -> Frame:
    async def main() -> Frame:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await read_frame(reader)

    return asyncio.run(main())


FRAME = Frame({"a": 1, "b": "é"}, (b"one", b"", b"x" * 100_000))


def test_both_sides_read_what_was_written() -> None:
    assert read(written(FRAME)) == FRAME
    assert receive_frame(io.BytesIO(written(FRAME))) == FRAME


def test_the_end_of_the_pipe() -> None:
    assert receive_frame(io.BytesIO(b"")) is None
    with pytest.raises(asyncio.IncompleteReadError):
        read(written(FRAME)[:-1])


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\0\0\0\2{}",
        b"\0\0\0\2[]",
        b"\0\0\0\4nope",
        b'\0\0\0\x0e{"blobs":[-1]}',
        b'\0\0\0\x10{"blobs":["big"]}'[:20],
        f'\0\0\0\x17{{"blobs":[{MAX_BLOB_BYTES + 1:>11}]}}'.encode(),
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises((FrameError, asyncio.IncompleteReadError)):
        read(data)
