"""The number of processors that this process may use, by its affinity and the quotas of its control groups."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath


def available_processors(root: Path = Path("/")) -> float:
    """Return the number of processors, with a quota also a fraction, never 0.

    root: of the file system with the control groups (version 1 and 2).
    """
    return min([float(_runnable()), *_quotas(root)])


def default_workers(processors: float) -> int:
    """Return the default number of workers: one for each whole processor, at least one."""
    return max(1, int(processors))


def most_workers(processors: float) -> int:
    """Return the maximum number of workers: four for each processor."""
    return max(1, int(4 * processors))


def _runnable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS and Windows report no affinity


def _quotas(root: Path) -> Iterator[float]:
    """Yield the quotas of the groups of this process and of their parents."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            if number == "0" and not controllers:
                for group in _groups(root / "sys/fs/cgroup", path):
                    yield from _quota(group / "cpu.max")
            elif "cpu" in controllers.split(","):
                for group in _groups(root / "sys/fs/cgroup/cpu", path):
                    yield from _quota(group / "cpu.cfs_quota_us", group / "cpu.cfs_period_us")


def _groups(mount: Path, path: str) -> Iterator[Path]:
    """Yield the group and its parents. In a container, its own group is mounted, whatever its path outside."""
    inner = PurePosixPath("/", path).relative_to("/")
    yield from {mount / part for part in (inner, *inner.parents)}


def _quota(*files: Path) -> Iterator[float]:
    """Yield the quota of `<microseconds> <period>`; nothing if there is none, written `max` or `-1`."""
    with suppress(OSError, ValueError):
        quota, period = (int(word) for file in files for word in file.read_text().split())
        if quota > 0 and period > 0:
            yield quota / period
