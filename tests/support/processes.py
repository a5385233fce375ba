"""Processes as listed by the kernel, and waiting for conditions."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

WORKER = "image_erase.jobs.worker"


def until(true: Callable[[], object], what: str, seconds: float = 40.0) -> None:
    """Poll until the condition is true. For conditions without an event to wait for, as in another process."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.01)


def workers_of(parent: int) -> set[int]:
    """The ids of the worker processes that a process has."""
    return {pid for pid in _process_ids() if _parent(pid) == parent and WORKER in _command(pid)}


def children_of(parent: int) -> set[int]:
    """The ids of all processes that a process has started and not yet collected."""
    return {pid for pid in _process_ids() if _parent(pid) == parent}


def refuses(address: tuple[str, int]) -> bool:
    """Whether nobody listens there."""
    try:
        with socket.create_connection(address, 5):
            return False
    except OSError:
        return True


def open_files() -> int:
    """Return the number of open descriptors of this process, including those of servers in its threads."""
    return len(os.listdir("/proc/self/fd"))


def is_alive(pid: int) -> bool:
    """Whether the process still runs; one that has ended and only waits to be collected does not."""
    state = _stat(pid)
    return state is not None and state[0] not in "ZX"


def is_stopped(pid: int) -> bool:
    state = _stat(pid)
    return state is not None and state[0] == "T"


def processor_ticks(pid: int) -> int:
    """How much processor time it has used, in the kernel's ticks of mostly 10 ms."""
    state = _stat(pid)
    return int(state[11]) + int(state[12]) if state else 0


def processor_seconds(pid: int) -> float:
    """How much processor time it has used, to a hundredth."""
    return processor_ticks(pid) / os.sysconf("SC_CLK_TCK")


def _process_ids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat behind the command's name: state, parent, ..."""
    try:
        # For every process of the machine, again and again: a Path would take three times as long.
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            return file.read().rpartition(b")")[2].decode().split()
    except OSError:
        return None


def _parent(pid: int) -> int | None:
    state = _stat(pid)
    return int(state[1]) if state else None


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
