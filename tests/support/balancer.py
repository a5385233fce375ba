"""HAProxy with the packaged configuration, and the DNS server in which it finds the copies."""

import os
import re
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import httpx

from support.ports import free_port
from support.processes import until
from support.server import Client

HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy/haproxy.cfg"
NAME = "copies.test"
#: The only address whose forwarded headers the balancer trusts.
PROXY = "127.0.0.9"
_A, _IN, _SECONDS = 1, 1, 0


class Names:
    """A DNS server with one name. addresses: of that name; may be changed."""

    def __init__(self, addresses: Iterable[str] = ()) -> None:
        self.addresses = list(addresses)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, name="names")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(60)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(4096)
            if not query:
                return
            self._socket.sendto(_answer(query, list(self.addresses)), client)


def _answer(query: bytes, addresses: list[str]) -> bytes:
    """Return the answer by RFC 1035: header, question, and one record per address; no records unless A is asked for."""
    end = query.index(b"\0", 12) + 5
    kind = struct.unpack("!H", query[end - 4 : end - 2])[0]
    found = addresses if kind == _A else []
    records = [b"\xc0\x0c" + struct.pack("!HHIH", _A, _IN, _SECONDS, 4) + socket.inet_aton(one) for one in found]
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, len(records), 0, 0)
    return head + query[12:end] + b"".join(records)


class Balancer:
    """`haproxy -f deploy/haproxy.cfg` in a process; its log is what it wrote to standard output."""

    def __init__(self, folder: Path, names: Names, copies_port: int) -> None:
        assert HAPROXY
        port = free_port()
        self.client = Client(("127.0.0.1", port))
        self.base = self.client.base
        self._log = folder / f"haproxy-{port}.log"
        environment = {
            "PATH": os.environ["PATH"],
            "LISTEN": f"127.0.0.1:{port}",
            "COPIES": NAME,
            "COPIES_PORT": str(copies_port),
            "RESOLVER": f"127.0.0.1:{names.port}",
            "TRUSTED_PROXIES": f"{PROXY} 10.0.0.0/8",
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [HAPROXY, "-db", "-f", CONFIGURATION],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        until(lambda: self.process.poll() is not None or self._answers(), "the balancer answers")
        assert self.process.poll() is None, self.log()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(60)
        self.client.close()

    def log(self) -> str:
        return self._log.read_text()

    def used(self) -> list[str]:
        """The copies that answered requests, in the order of the log; `<NOSRV>` if none did."""
        return re.findall(r" ms (\S+) ", self.log())

    def up(self, number: int) -> bool:
        """Whether that many copies are ready, by one request each: idle copies take turns."""
        seen = len(self.used())
        answers = [self.client.get("/readyz").status_code for _ in range(2 * number)]
        until(lambda: len(self.used()) >= seen + 2 * number, "the log is written")
        return set(answers) == {200} and len(set(self.used()[seen:])) == number

    def _answers(self) -> bool:
        try:
            return bool(self.client.get("/healthz").status_code)
        except httpx.TransportError:
            return False
