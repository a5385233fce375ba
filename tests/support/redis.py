"""A Redis or Valkey for one test, on a socket in its folder, without persistence."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Self

from support.processes import is_stopped, until

PROGRAMS = ("redis-server", "valkey-server")
#: The password of every Redis in the tests; it must not be shown anywhere.
PASSWORD = "password-of-the-storage"


def find_redis() -> str | None:
    """The first of the programs that there is."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class RedisServer:
    """The process, which may be killed, stopped and started again at the same place."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder
        socket = folder / "redis.sock"
        self.url = f"unix://:{PASSWORD}@{socket}"
        self._options = ["--port", "0", "--unixsocket", str(socket), "--requirepass", PASSWORD]
        self._process: subprocess.Popen[bytes] | None = None
        import redis  # takes a tenth of a second, which few processes of the tests need

        self.client = redis.Redis.from_url(self.url, decode_responses=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.kill()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, *self._options, "--save", "", "--appendonly", "no", "--dir", str(self._folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, "the storage of the limits starts")

    def kill(self) -> None:
        """Kill it; its data is lost."""
        assert self._process
        self._process.kill()
        self._process.wait(60)

    def stop(self) -> None:
        """Stop it: it accepts connections and answers nothing."""
        assert self._process
        pid = self._process.pid
        os.kill(pid, signal.SIGSTOP)
        until(lambda: is_stopped(pid), "the storage of the limits stands")

    def go_on(self) -> None:
        assert self._process
        os.kill(self._process.pid, signal.SIGCONT)

    def command(self, *words: str) -> Any:
        """Run a command that the client has no method for."""
        client: Any = self.client
        return client.execute_command(*words)

    def lists(self) -> list[str]:
        """The names under which calls are counted."""
        return sorted(str(name) for name in self.client.keys("*") if self.client.type(name) == "list")

    def age(self, seconds: float) -> None:
        """Move the times of all counted calls into the past."""
        for name in self.lists():
            for index, when in enumerate(self.client.lrange(name, 0, -1)):
                self.client.lset(name, index, f"{float(when) - seconds:.6f}")

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, "the storage of the limits does not start"
        import redis

        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False
