"""Failures: of one image, of all images, or before the run starts."""

from dataclasses import dataclass, replace

# Codes of this command. All others are the vendor's.
NO_MASK = "NO_MASK"
MANY_MASKS = "MANY_MASKS"
UNREADABLE = "UNREADABLE"
UNWRITABLE = "UNWRITABLE"
OUTPUT_EXISTS = "OUTPUT_EXISTS"
WRONG_SUFFIX = "WRONG_SUFFIX"
UNREACHABLE = "UNREACHABLE"
BROKEN_ANSWER = "BROKEN_ANSWER"


@dataclass(frozen=True)
class Failure:
    """Why an image failed.

    code: the vendor's error_code_str, or one of those above. message: one line for people. http_status: of the
    answer, None if there was none. attempts: number of tries. fatal: whether every other image would fail too.
    """

    code: str
    message: str
    http_status: int | None = None
    attempts: int = 1
    fatal: bool = False

    def after(self, attempts: int) -> "Failure":
        """Return the same failure with another number of attempts."""
        return replace(self, attempts=attempts)


class PictureFailed(Exception):
    """One image failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class EraserFailed(Exception):
    """The eraser could not start. The message is one line."""


class PlanError(Exception):
    """The run must not start. The message is one line."""
