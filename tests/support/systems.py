"""A process without everything that Windows lacks, to simulate that system.

Run as a program: systems.py PROGRAM ARGUMENTS, where PROGRAM is `command` (image-erase) or `worker`. What the standard
library of this system needs itself is loaded before.
"""

import asyncio
import os
import shutil
import signal
import subprocess  # noqa: F401
import sys
import tempfile  # noqa: F401
from pathlib import Path

MODULES = ("resource", "fcntl", "pwd", "grp", "termios", "uvloop")
OS = ("sched_getaffinity", "killpg", "statvfs", "fdatasync", "geteuid", "getuid", "getloadavg", "fchmod")
OS_FLAGS = ("O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC")
SIGNALS = ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


def command(program: str) -> tuple[str, ...]:
    """The command line of a program on such a system."""
    return (sys.executable, "-P", str(Path(__file__)), program)


def take_away() -> None:
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    usage = shutil.disk_usage("/")
    setattr(shutil, "disk_usage", lambda _: usage)  # noqa: B010 - the system's own uses what is taken away
    for name in (*OS, *OS_FLAGS):
        delattr(os, name)
    for name in SIGNALS:
        delattr(signal, name)

    def refuse(*_: object) -> None:
        raise NotImplementedError

    setattr(asyncio.SelectorEventLoop, "add_signal_handler", refuse)  # noqa: B010


def main() -> None:
    take_away()
    program = sys.argv.pop(1)
    if program == "worker":
        from image_erase.jobs.worker import main as run
    else:
        from image_erase.cli import main as run
    run()


if __name__ == "__main__":
    main()
