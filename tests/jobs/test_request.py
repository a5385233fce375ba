"""The encoding of job requests."""

from image_erase.jobs.frames import Frame
from image_erase.jobs.messages import Job, Ping, frame_of, request_of
from image_erase.jobs.request import JobRequest

ALL_OTHER = JobRequest("best", dilate=15, seed=2**40, formats=("JPEG", "PNG"), min_side=65, task="select")


def test_arrives_as_it_was_sent() -> None:
    for request in (JobRequest(), ALL_OTHER):
        job = Job(2.5, request, b"image", b"mask")
        assert request_of(frame_of(job)) == job


def test_a_ping_arrives() -> None:
    frame = frame_of(Ping())
    assert request_of(Frame(frame.head)) == Ping()
