"""What can be wrong with the files of a job."""

from typing import ClassVar, Literal

Subject = Literal["image", "mask"]


class ImagingFailure(Exception):
    """The files can't be worked with.

    name: the kind of failure, stable, for programs. subject: which file. detail: what is wrong, for people.
    """

    name: ClassVar[str]

    def __init__(self, subject: Subject, detail: str) -> None:
        super().__init__(f"{subject}: {detail}")
        self.subject: Subject = subject
        self.detail = detail


class UnsupportedFormat(ImagingFailure):
    """The first bytes are none of JPEG's, PNG's, BMP's and WEBP's."""

    name = "unsupported_format"


class BrokenFile(ImagingFailure):
    """One of the four formats, but it can't be decoded to its end."""

    name = "broken_file"


class SideTooLong(ImagingFailure):
    """A side has more pixels than allowed."""

    name = "side_too_long"


class SideTooShort(ImagingFailure):
    """A side has fewer pixels than the endpoint takes."""

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
