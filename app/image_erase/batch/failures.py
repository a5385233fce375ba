"""What can go wrong: with one picture, with all of them, or before anything has begun."""

from dataclasses import dataclass, replace

# Codes of the command's own. All others are the vendor's.
NO_MASK = "NO_MASK"
MANY_MASKS = "MANY_MASKS"
UNREADABLE = "UNREADABLE"
UNWRITABLE = "UNWRITABLE"
OUTPUT_EXISTS = "OUTPUT_EXISTS"
UNREACHABLE = "UNREACHABLE"
BROKEN_ANSWER = "BROKEN_ANSWER"


@dataclass(frozen=True)
class Failure:
    """Why a picture was not erased.

    code: the vendor's error_code_str, or one of those above. message: one line for people. http_status: of the answer
    that said so. attempts: how often it was asked. fatal: whether every other picture would fail the same.
    """

    code: str
    message: str
    http_status: int | None = None
    attempts: int = 1
    fatal: bool = False

    def after(self, attempts: int) -> "Failure":
        """The same, asked so many times."""
        return replace(self, attempts=attempts)


class PictureFailed(Exception):
    """One picture could not be erased."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class EraserFailed(Exception):
    """There is nothing that could erase. The message is one line."""


class PlanError(Exception):
    """The run must not begin as it was asked for. The message is one line."""
