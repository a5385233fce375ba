"""HAProxy with the packaged configuration, servers with known ports, and its statistics."""

import csv
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from support.balancer import CONFIGURATION, HAPROXY
from support.ports import free_port
from support.processes import until
from support.server import Client

#: Interval of its checks, and the time within which it notices a server that stops.
CHECK_MILLISECONDS = 100


def configuration(control: Path, backends: Mapping[str, int]) -> str:
    """The configuration that is shipped, with servers given by name and port in place of those that Docker's DNS
    knows, and a socket to ask for what HAProxy counts.
    """
    servers = "\n".join(f"    server {name} 127.0.0.1:{port}" for name, port in backends.items())
    changes = {
        r"^global$": f"global\n    stats socket {control}",
        r" init-addr none resolvers .*$": "",
        r"(^ *default-server .*) inter \S+": rf"\1 inter {CHECK_MILLISECONDS}ms",
        r"^ *server-template .*$": servers,
    }
    text = CONFIGURATION.read_text("utf-8")
    for pattern, replacement in changes.items():
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert count == 1, f"{CONFIGURATION.name} has {count} lines like {pattern}"
    return text


class Balancer:
    """A running HAProxy. client: calls it as one calls a server."""

    def __init__(self, backends: list[int]) -> None:
        """backends: the servers' ports on loopback; the server at index 0 is called `copy1`."""
        assert HAPROXY
        self._names = [f"copy{number}" for number in range(1, len(backends) + 1)]
        # A socket's path must be short, which a test's own folder need not be.
        self._folder = Path(tempfile.mkdtemp(prefix="haproxy-"))
        self._control = self._folder / "control"
        self.port = free_port()
        self.client = Client(("127.0.0.1", self.port))
        self.base = self.client.base
        file = self._folder / "haproxy.cfg"
        file.write_text(configuration(self._control, dict(zip(self._names, backends, strict=True))))
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            [HAPROXY, "-db", "-f", file],
            env={"LISTEN": f"127.0.0.1:{self.port}"},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def __enter__(self) -> Self:
        try:
            until(self._control.exists, "HAProxy listens")
            until(lambda: all(self.is_up(index) for index in range(len(self._names))), "HAProxy has found all servers")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(60)
        self._log.close()
        self.client.close()
        shutil.rmtree(self._folder)

    def is_up(self, index: int) -> bool:
        """Whether it would send requests to the server now."""
        return bool(self._facts(index)["status"].startswith("UP"))

    def unanswered(self, index: int) -> int:
        """How many requests the server took and has not answered, be it that it holds them, or that it died."""
        facts = self._facts(index)
        answered = sum(int(facts[f"hrsp_{kind}"]) for kind in ("1xx", "2xx", "3xx", "4xx", "5xx", "other"))
        return int(facts["stot"]) - int(facts["wredis"]) - answered

    def _facts(self, index: int) -> dict[str, str]:
        """The server's row of HAProxy's statistics. `wredis`: those that it refused and another one got."""
        lines = self._ask("show stat").removeprefix("# ").splitlines()
        (row,) = [row for row in csv.DictReader(lines) if row["svname"] == self._names[index]]
        return row

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self._control))
            connection.sendall(command.encode() + b"\n")
            pieces = []
            while piece := connection.recv(65536):
                pieces.append(piece)
        return b"".join(pieces).decode()
