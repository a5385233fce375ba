"""A wrapper of a pipe's descriptor that prevents event loops from closing it twice."""

import os
import subprocess
import sys
from contextlib import suppress
from typing import IO


class Pipe:
    """Owns the descriptor of one end of a pipe.

    asyncio closes it by `close`. uvloop closes the descriptor itself and calls `close` after that, when the number may
    already belong to a file that another thread has opened or to a connection: closing that would break a request
    that has nothing to do with the pipe.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        """stream: its descriptor is duplicated, so that no other object closes it; then the stream is closed."""
        self._descriptor = os.dup(stream.fileno())
        stream.close()
        self._identity = self._identify()
        self._closed = False

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def close(self) -> None:
        """Close the descriptor, unless it was closed elsewhere."""
        if self._closed:
            return
        self._closed = True
        with suppress(OSError):
            if self._identify() == self._identity:
                os.close(self._descriptor)

    def _identify(self) -> tuple[int, int]:
        found = os.fstat(self._descriptor)
        return found.st_dev, found.st_ino


def pipes_of(process: "subprocess.Popen[bytes]") -> list[Pipe | IO[bytes]]:
    """Return the pipes of a process's standard error, output and input, for `connect_read_pipe` and its counterpart.

    On Windows these are the process's own streams: they have handles instead of descriptors, and there is no uvloop.
    Raises OSError if too many files are open, and closes all pipes then.
    """
    streams = [stream for stream in (process.stderr, process.stdout, process.stdin) if stream]
    if sys.platform == "win32":
        return list(streams)
    pipes: list[Pipe | IO[bytes]] = []
    try:
        for stream in streams:
            pipes.append(Pipe(stream))
    except OSError:
        for either in (*pipes, *streams):
            either.close()
        raise
    return pipes
