"""A request on its way through the head of a frame."""

import json

from image_erase.jobs.request import JobRequest

ALL_OTHER = JobRequest("best", dilate=15, seed=2**40, formats=("JPEG", "PNG"), min_side=65)


def test_arrives_as_it_was_sent() -> None:
    for request in (JobRequest(), ALL_OTHER):
        assert JobRequest.from_head(json.loads(json.dumps(request.head()))) == request


def test_every_field_is_sent() -> None:
    plain = JobRequest()
    assert all(ALL_OTHER.head()[name] != value for name, value in plain.head().items())


def test_what_else_stands_in_the_head_is_left_alone() -> None:
    head = {"request_id": "A", "seconds": 3.0, "dilate": 2}
    assert JobRequest.from_head(head) == JobRequest(dilate=2)
