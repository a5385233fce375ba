"""The division of a job's time among decoding, erasing and encoding."""

from __future__ import annotations

from collections.abc import Callable

SHARE = 0.55
"""Share of the time until the deadline in which a job is planned to finish; the rest is a reserve."""

PER_BYTE = 0.02e-6
"""Predicted seconds of encoding, and upper bound for decoding, per byte of pixels on one core of about 3 GHz."""


def left_for_erasing(time_left: Callable[[], float], start: float, size: int) -> Callable[[], float]:
    """Return the clock for erasing, once the picture is decoded: it returns the seconds that erasing may still take.

    time_left: returns the seconds until the deadline. start: its value when the job started. size: of the pixels in
    bytes. The time for encoding is predicted from the size and from how slow decoding was.
    """
    decoding, predicted = start - time_left(), PER_BYTE * size
    kept = (1 - SHARE) * start + max(decoding, predicted)
    return lambda: time_left() - kept
