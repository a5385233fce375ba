"""Differences between operating systems: process limits, file flags, sockets, signals, and how processes end.

Linux has all of it. macOS lacks `fdatasync`; Windows has no limits of a process, no modes of files and few signals.
"""

import array
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType

resource: ModuleType | None
try:
    import resource
except ImportError:
    resource = None
fcntl: ModuleType | None
termios: ModuleType | None
try:
    import fcntl
    import termios
except ImportError:
    fcntl = termios = None

#: Flags to open a new file, and an existing one; 0 stands for a flag that the system does not have.
NEW_FILE, OLD_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL, os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"):
    NEW_FILE |= getattr(os, _flag, 0)
    OLD_FILE |= getattr(os, _flag, 0)
#: Whether files have modes that keep other users out.
HAS_FILE_MODES = hasattr(os, "geteuid")


def stop_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that stop the server gracefully, of those that the system has.

    SIGHUP, if the terminal was closed, SIGQUIT from its keyboard and from supervisors, SIGBREAK from a console of
    Windows.
    """
    names = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGBREAK")
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


def has_terminal() -> bool:
    """Whether this process has a terminal that is open: one that sends SIGHUP when it is closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except (OSError, AttributeError):
        return False
    return True


def allow_open_files(wanted: int) -> None:
    """Raise this process's limit of open files to that many, or as far as the system allows; never lower it."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if resource.RLIM_INFINITY != soft < wanted:
        # The limit of macOS is lower than the one that it reports.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def can_limit_memory() -> bool:
    """Whether `limit_memory` has an effect. macOS accepts the limit and does not enforce it."""
    return resource is not None and sys.platform != "darwin"


def limit_memory(megabytes: int) -> None:
    """Limit the memory of this process, in MiB, if the system can do that.

    The limit is for private memory. A limit of the address space would also count libraries, whose files are mapped
    once for all workers, and memory that is reserved and never used.
    """
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))


def start_apart(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own, with pipes that asyncio can read. Raises OSError."""
    popen: type[subprocess.Popen[bytes]] = subprocess.Popen
    if sys.platform == "win32":
        # asyncio can only use overlapped pipes there.
        from asyncio.windows_utils import Popen as popen  # noqa: N813, PLC0415
    pipe = subprocess.PIPE
    return popen(
        command, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, env=dict(environment), start_new_session=True
    )


def kill_session(process: "subprocess.Popen[bytes]") -> None:
    """Kill a program started by `start_apart` that has not been waited for, and all processes that it has started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def unread_bytes(descriptor: int) -> int:
    """Return the number of unread bytes in a socket; 0 if the system does not report it."""
    if fcntl is None or termios is None:
        return 0
    unread = array.array("i", [0])
    try:
        fcntl.ioctl(descriptor, termios.FIONREAD, unread)
    except (OSError, ValueError):  # it is closed
        return 0
    return unread[0]


def flush_file(descriptor: int) -> None:
    """Flush the content of a file to the disk. Raises OSError."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def flush_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk, if the system can open a folder. Raises OSError."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def disk_space(path: Path) -> tuple[int, int]:
    """Return the bytes that may still be written on the disk of a path, and those in use. Raises OSError."""
    if not hasattr(os, "statvfs"):
        usage = shutil.disk_usage(path)
        return usage.free, usage.used
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize, (found.f_blocks - found.f_bfree) * found.f_frsize
