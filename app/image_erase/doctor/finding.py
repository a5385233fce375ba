"""The result of a check."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """Severity: fine; works, but deserves attention; will not work."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """Result of one check. subject: what was checked. says: one line without secrets."""

    level: Level
    subject: str
    says: str

    @property
    def line(self) -> str:
        """The line that the command prints."""
        return f"{self.level.value:<8} {self.subject}: {self.says}"
