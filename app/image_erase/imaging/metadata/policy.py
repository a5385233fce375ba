"""Which of a file's metadata its result keeps."""

from enum import StrEnum


class Policy(StrEnum):
    """What stays: what the colours need, or all but previews."""

    COLOUR = "colour"
    ALL = "all"
