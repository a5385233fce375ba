"""Which of a file's metadata its result keeps."""

from collections.abc import Callable
from enum import StrEnum


class Policy(StrEnum):
    """What stays: what the colours need, or all but previews."""

    COLOUR = "colour"
    ALL = "all"


def cleaned(block: bytes, clean: Callable[[bytes], bytes | None]) -> bytes | None:
    """Give what `clean` makes of a block of metadata, None where it fails: no metadata may make a job fail."""
    try:
        return clean(block)
    except Exception:
        # Whatever it is, the block is what is wrong, and it has been made to be.
        return None
