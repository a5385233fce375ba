"""This server beside IOPaint, on the same files: latency, throughput of four clients, memory, start.

python -m bench.peers IOPAINT [PHOTO]

IOPAINT is the command `iopaint` of an environment of its own (pip install iopaint==1.6.0). It runs the model cv2, which
is OpenCV's inpainting, and gets a picture and a mask and answers the picture. So does this server at /erase, with the
engine `opencv`, which is the same algorithm, and with `auto`. One server runs at a time; every figure is a median. Each
has what it starts with: no option but the model and the engine.
"""

import base64
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import BOUNDARY, free_port, multipart, served, tree_megabytes
from bench.serving import CLIENTS, EXAMPLE, case

SIZES = ((768, 512, 15), (4000, 3000, 5))
START_SECONDS = 180.0
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Peer:
    """A running server. request: what to send for an image and a mask: path, body and headers."""

    name: str
    pid: int
    port: int
    ready_seconds: float
    request: Callable[[bytes, bytes], tuple[str, bytes, dict[str, str]]]

    def ask(self, connection: http.client.HTTPConnection, request: tuple[str, bytes, dict[str, str]]) -> None:
        """Send a request and read the picture. Raises RuntimeError."""
        path, body, headers = request
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200 or not content.startswith((b"\xff\xd8", b"\x89PNG", b"RIFF")):
            raise RuntimeError(f"{self.name}: {answer.status} {content[:200]!r}")

    def connect(self) -> http.client.HTTPConnection:
        """A connection for many requests."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)


@contextmanager
def ours(engine: str) -> Iterator[Peer]:
    """This server with an engine."""
    with served(ENGINE=engine) as server:
        headers = {"X-Api-Key": server.key, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}

        def request(image: bytes, mask: bytes) -> tuple[str, bytes, dict[str, str]]:
            return "/erase", multipart(image, mask).replace(b'name="user_mask"', b'name="mask"'), headers

        yield Peer(f"image-erase, {engine}", server.pid, server.port, server.ready_seconds, request)


@contextmanager
def iopaint(command: str) -> Iterator[Peer]:
    """IOPaint with its model cv2."""
    port, started = free_port(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [command, "start", "--model", "cv2", "--device", "cpu", "--port", str(port), "--model-dir", folder],
            cwd=folder,
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(port, process)
            yield Peer("IOPaint, cv2", process.pid, port, time.perf_counter() - started, _as_json)
        finally:
            process.kill()
            process.wait(60)


def _as_json(image: bytes, mask: bytes) -> tuple[str, bytes, dict[str, str]]:
    fields = {"image": base64.b64encode(image).decode(), "mask": base64.b64encode(mask).decode()}
    return "/api/v1/inpaint", json.dumps(fields | {"hd_strategy": "Original"}).encode(), JSON


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            try:
                connection.request("GET", "/api/v1/server-config")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.05)
    raise TimeoutError("the server did not become ready")


def measure(peer: Peer, photo: Path) -> dict[str, float]:
    """Return seconds of one client and requests per second of four, for each size, and resident memory in MB."""
    found = {"ready, s": peer.ready_seconds, "idle, MB": tree_megabytes(peer.pid)[1]}
    for width, height, rounds in SIZES:
        request = peer.request(*case(photo, width, height))

        def client(rounds: int, request: tuple[str, bytes, dict[str, str]] = request) -> list[float]:
            with closing(peer.connect()) as connection:
                seconds = []
                for _ in range(rounds):
                    started = time.perf_counter()
                    peer.ask(connection, request)
                    seconds.append(time.perf_counter() - started)
                return seconds

        found[f"{width}x{height}, ms"] = 1000 * statistics.median(client(rounds + 1)[1:])
        started = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            done = sum(map(len, pool.map(client, [rounds] * CLIENTS)))
        found[f"{width}x{height}, {CLIENTS} clients, 1/s"] = done / (time.perf_counter() - started)
    return found | {"after these, MB": tree_megabytes(peer.pid)[1]}


def main(command: str, photo: Path) -> None:
    """Measure each server and print a table."""
    found: dict[str, dict[str, float]] = {}
    for peer in (iopaint(command), ours("opencv"), ours("auto")):
        with peer as running:
            found[running.name] = measure(running, photo)
    print("| | " + " | ".join(found) + " |\n|---|" + "---|" * len(found))
    for row in next(iter(found.values())):
        print(f"| {row} | " + " | ".join(f"{column[row]:.3g}" for column in found.values()) + " |")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else EXAMPLE)
