"""Space used by results, and space available for them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from image_erase.results.failures import StoreFull
from image_erase.system import disk_space

log = logging.getLogger(__name__)

#: Space left free on a disk for other programs: in bytes, or as a share of a small disk.
RESERVE_BYTES = 256 * 1024 * 1024
RESERVE_SHARE = 0.05
#: Usage, as a share, at which a warning is logged.
WARNING_SHARES = (0.8, 0.9)
# By how much usage must fall before the same warning is logged again.
_HYSTERESIS = 0.05
_FULL = len(WARNING_SHARES) + 1


@dataclass(frozen=True)
class Disk:
    """A file system, in bytes. available: what may still be written. used: by all its files."""

    available: int
    used: int

    @classmethod
    def of(cls, path: Path) -> "Disk":
        """The file system that a path is on. Raises OSError."""
        return cls(*disk_space(path))

    @property
    def reserve(self) -> int:
        """Bytes that results leave free."""
        return min(RESERVE_BYTES, int((self.available + self.used) * RESERVE_SHARE))

    @property
    def fullness(self) -> float:
        """The share in use of what may be used; above 1 where the reserve is in use."""
        return self.used / max(1, self.used + self.available - self.reserve)


class Room:
    """Counts what is stored, so that no request needs to list it, and refuses what does not fit.

    limit: maximum bytes of all results together; None if only the disk limits them. Counts are exact while only one
    server writes and deletes; changes by others are included at the next count.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.used = 0
        self._disk: Disk | None = None
        self._changed = self._writing = self._level = 0

    def take(self, size: int) -> None:
        """Count a result that is about to be written. Raises StoreFull if it exceeds the limit."""
        if self.limit is not None and self.used + size > self.limit:
            self._reach(_FULL)
            raise StoreFull("the results take all that ERASE_STORAGE_BYTES allows")
        self._change(size)
        self._writing += size

    def written(self, size: int) -> None:
        """Record that the result of take() was written."""
        self._writing -= size

    def give_back(self, size: int) -> None:
        """Count a result that was deleted."""
        self._change(-size)

    def see(self, disk: Disk) -> None:
        """Update the state of the disk."""
        self._disk = disk
        self._judge()

    def refuse_when_full(self) -> None:
        """Raise StoreFull if nothing more may be written, as far as is known."""
        if self.limit is not None and self.used >= self.limit:
            raise StoreFull("the results take all that ERASE_STORAGE_BYTES allows")
        self.refuse_on_full_disk()

    def refuse_on_full_disk(self) -> None:
        """Raise StoreFull if files being written would use the disk's reserve."""
        if self._disk and self._disk.available - self._writing <= self._disk.reserve:
            self._reach(_FULL)
            raise StoreFull("the disk is full except for its reserve")

    @contextmanager
    def counting(self) -> Iterator["Count"]:
        """Context of a count, which may take long; changes made meanwhile are added to it."""
        self._changed, count = 0, Count()
        yield count
        self.used = max(0, count.total + self._changed)
        self._judge()

    @property
    def fullness(self) -> float:
        """The share in use of what may be used, of the limit or of the disk, whichever is larger."""
        by_limit = self.used / self.limit if self.limit else 0.0
        return max(by_limit, self._disk.fullness if self._disk else 0.0)

    def _change(self, size: int) -> None:
        self.used = max(0, self.used + size)
        self._changed += size
        self._judge()

    def _judge(self) -> None:
        level = sum(self.fullness >= share for share in WARNING_SHARES)
        kept = sum(self.fullness >= share - _HYSTERESIS for share in WARNING_SHARES)
        if level > self._level:
            self._reach(level)
        elif kept < min(self._level, len(WARNING_SHARES)):
            self._level = kept

    def _reach(self, level: int) -> None:
        """Log once when a warning threshold is exceeded, and again only after usage has fallen below it."""
        if level <= self._level:
            return
        self._level = level
        facts = {"used_bytes": self.used, "limit_bytes": self.limit, "full": f"{self.fullness:.0%}"}
        if level == _FULL:
            log.error("storage is full, results are refused", extra=facts)
        else:
            log.warning("storage is almost full", extra=facts)


@dataclass
class Count:
    """Bytes counted so far."""

    total: int = 0
