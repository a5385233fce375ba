"""Failures caused by the files of a job."""

from typing import ClassVar, Literal

Subject = Literal["image", "mask"]


class ImagingFailure(Exception):
    """The files cannot be processed.

    name: the kind of failure, stable, for programs. subject: which file. detail: what is wrong, for people.
    """

    name: ClassVar[str]

    def __init__(self, subject: Subject, detail: str) -> None:
        super().__init__(f"{subject}: {detail}")
        self.subject: Subject = subject
        self.detail = detail


class UnsupportedFormat(ImagingFailure):
    """The file is in none of the accepted formats, judged by its first bytes."""

    name = "unsupported_format"


class BrokenFile(ImagingFailure):
    """The file has an accepted format, but cannot be decoded completely."""

    name = "broken_file"


class SideTooLong(ImagingFailure):
    """A side has more pixels than allowed."""

    name = "side_too_long"


class SideTooShort(ImagingFailure):
    """A side has fewer pixels than the endpoint accepts."""

    name = "side_too_short"


class SizeMismatch(ImagingFailure):
    """Mask and image differ in size."""

    name = "size_mismatch"


class NothingToFillFrom(ImagingFailure):
    """The mask covers the whole picture."""

    name = "nothing_to_fill_from"


class TooManyPixels(ImagingFailure):
    """The picture has more pixels than allowed."""

    name = "too_many_pixels"


class NothingMarked(ImagingFailure):
    """The mask marks nothing."""

    name = "nothing_marked"
