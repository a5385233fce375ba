"""Run a server to measure, and the memory of its processes."""

import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATH = "/api/image/editing/image-erase"
BOUNDARY = "bench-" + secrets.token_hex(8)


@dataclass(frozen=True)
class Served:
    """A running server. ready_seconds: from its start until /readyz answered 200. storage: its folder.

    log: the file of what it logs.
    """

    pid: int
    port: int
    key: str
    ready_seconds: float
    storage: Path
    log: Path

    def connect(self) -> http.client.HTTPConnection:
        """A connection that can be used for many requests."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def erase(self, connection: http.client.HTTPConnection, body: bytes) -> int:
        """Send one request made by multipart(). Returns the status."""
        headers = {"ailabapi-api-key": self.key, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        connection.request("POST", PATH, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status == 200 and json.loads(content)["error_code"] != 0:
            raise RuntimeError(content)
        return answer.status


def multipart(image: bytes, mask: bytes) -> bytes:
    """The body of a request."""
    parts = []
    for name, data in (("image", image), ("user_mask", mask)):
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
        parts += [head.encode(), data, b"\r\n"]
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


@contextmanager
def served(command: Sequence[str] = (), **settings: str) -> Iterator[Served]:
    """Run the server as a process of its own on a free port.

    command: what runs it, by default the installed one. settings: ERASE_ variables without the prefix.
    """
    keys = settings.get("API_KEYS") or secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as storage, tempfile.NamedTemporaryFile(suffix=".log") as log:
        environment = os.environ | {f"ERASE_{name}": value for name, value in settings.items()}
        environment |= {"ERASE_PORT": "0", "ERASE_API_KEYS": keys}
        environment.setdefault("ERASE_STORAGE_URL", f"file:{storage}")
        started = time.perf_counter()
        command = command or [str(Path(sys.executable).with_name("image-erase"))]
        process = subprocess.Popen([*command, "serve"], env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        try:
            address = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
            assert address is not None
            port = int(address[1])
            wait_until_ready(port)
            key, ready_seconds = keys.partition(",")[0], time.perf_counter() - started
            yield Served(process.pid, port, key, ready_seconds, Path(storage), Path(log.name))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            process.stdout.close()


def interpreter_of(checkout: Path, folder: Path) -> Path:
    """Make a virtual environment in a folder that has another checkout's package and the present one's dependencies.

    PYTHONPATH would not do: workers are started isolated from it. The environment lists this one's packages as a
    plain path, so that the line by which this checkout is installed there isn't read. Returns its interpreter.
    """
    venv.create(folder, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    paths = checkout.resolve() / "app", sysconfig.get_path("purelib")
    (packages / "before.pth").write_text("".join(f"{path}\n" for path in paths))
    return folder / "bin" / "python"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_ready(port: int) -> None:
    """Until /readyz answers 200. Raises TimeoutError."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.01)
    raise TimeoutError("the server did not become ready")


def tree_megabytes(pid: int) -> tuple[float, float]:
    """What a process and all below it hold in memory: resident (shared pages counted each time), proportional."""
    resident = proportional = 0.0
    for member in tree(pid):
        try:
            text = Path(f"/proc/{member}/smaps_rollup").read_text("ascii")
        except OSError:
            continue
        resident += float(re.findall(r"^Rss:\s+(\d+)", text, re.M)[0]) / 1024
        proportional += float(re.findall(r"^Pss:\s+(\d+)", text, re.M)[0]) / 1024
    return resident, proportional


def tree(pid: int) -> Iterator[int]:
    """The ids of a process and of all below it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in children.read_text("ascii").split():
                yield from tree(int(child))
        except OSError:
            continue
