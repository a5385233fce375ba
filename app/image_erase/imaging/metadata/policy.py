"""Which metadata of a file its result keeps."""

from collections.abc import Callable
from enum import StrEnum


class Policy(StrEnum):
    """What is kept: metadata that affects colours, or everything except previews."""

    COLOUR = "colour"
    ALL = "all"


def cleaned(block: bytes, clean: Callable[[bytes], bytes | None]) -> bytes | None:
    """Return the result of `clean` for a block of metadata, None if it fails: no metadata may make a job fail."""
    try:
        return clean(block)
    except Exception:
        # The cause is always the block, possibly crafted for this purpose.
        return None
