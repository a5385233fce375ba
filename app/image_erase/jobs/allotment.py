"""How a job's time is shared out between decoding, erasing and encoding."""

from __future__ import annotations

from collections.abc import Callable

SHARE = 0.55
"""Of the time until nobody waits any more. The answer is due after six tenths of it at most; the rest is left to what
nobody foresees."""

PER_BYTE = 0.02e-6
"""Predicted seconds of encoding, and at most of decoding, per byte of pixels on one core of about 3 GHz."""


def left_for_erasing(time_left: Callable[[], float], start: float, size: int) -> Callable[[], float]:
    """The clock for erasing, once the picture is decoded: seconds that erasing may still take.

    time_left: seconds until nobody waits any more; `start`, what it said when the job began. size: of the pixels in
    bytes. Encoding is predicted from the size, and to be as slow as decoding was.
    """
    decoding, predicted = start - time_left(), PER_BYTE * size
    kept = (1 - SHARE) * start + max(decoding, predicted)
    return lambda: time_left() - kept
