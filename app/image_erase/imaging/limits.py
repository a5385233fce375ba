"""Detect files that would cost a decoder far more time than their size suggests, before they are decoded."""

# Encoders write up to 14 scans. An additional empty one takes 30 bytes, but 25 ms in a picture of 4096x4096.
MAX_SCANS = 32
# Only hostile files have more: each costs microseconds in Python, and three megabytes can contain 780,000.
MAX_SEGMENTS = 5000
MAX_CHUNKS = 20_000


class TooCostly(ValueError):
    """The file has more of something than any encoder writes; the message says of what."""


class Unsupported(ValueError):
    """The file is of an unsupported kind of its format. The message describes it as a predicate of "The file"."""


def refuse(too_many: bool, what: str) -> None:
    """Raise TooCostly if there is too much of something."""
    if too_many:
        raise TooCostly(what)
