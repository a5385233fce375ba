"""What a check finds."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad it is: fine; it works, but look at it; it will not work."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What one check found. subject: what was looked at. says: one line, no secret in it."""

    level: Level
    subject: str
    says: str

    @property
    def line(self) -> str:
        """The finding as the command prints it."""
        return f"{self.level.value:<8} {self.subject}: {self.says}"
