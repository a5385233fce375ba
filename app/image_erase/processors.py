"""How many processors this process may use: those it may run on, and what a container's quota leaves of them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath


def available_processors(root: Path = Path("/")) -> float:
    """Return the number of processors, a fraction where a quota says so, never 0.

    root: of the file system in which the kernel tells of control groups (version 1 and 2).
    """
    return min([float(_runnable()), *_quotas(root)])


def default_workers(processors: float) -> int:
    """Return how many workers there are unless the operator says: one for each whole processor, at least one."""
    return max(1, int(processors))


def most_workers(processors: float) -> int:
    """Return how many workers are worth starting at the very most: four for each processor."""
    return max(1, int(4 * processors))


def _runnable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS and Windows have no affinity to ask for


def _quotas(root: Path) -> Iterator[float]:
    """What the groups that this process is in, and those around them, may use."""
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
    """The group and all around it. In a container its own group is mounted, whatever its path is outside."""
    inner = PurePosixPath("/", path).relative_to("/")
    yield from {mount / part for part in (inner, *inner.parents)}


def _quota(*files: Path) -> Iterator[float]:
    """The quota in `<microseconds> <period>`; nothing where there is none, which is written `max` or `-1`."""
    with suppress(OSError, ValueError):
        quota, period = (int(word) for file in files for word in file.read_text().split())
        if quota > 0 and period > 0:
            yield quota / period
