"""Files that cost a decoder far more time than their size lets expect, found before any decoder sees them."""

# Encoders write up to 14 scans. An empty one more costs 30 bytes, and 25 ms in a picture of 4096x4096.
MAX_SCANS = 32
# What only a hostile file has more of: each costs microseconds in Python, and three megabytes hold 780,000.
MAX_SEGMENTS = 5000
MAX_CHUNKS = 20_000


class TooCostly(ValueError):
    """The file has more of something than any encoder writes. The message says of what."""


class Unsupported(ValueError):
    """The file is of a kind of its format that is not read. The message says which, behind "The file"."""


def refuse(too_many: bool, what: str) -> None:
    """Raise TooCostly where there is too much of something."""
    if too_many:
        raise TooCostly(what)
