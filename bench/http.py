"""The cost of HTTP in one server process: requests per second and processor time, for small pictures and for results.

python -m bench.http [--before FOLDER]

--before: a checkout of an earlier version, which is served by this interpreter with the present dependencies and takes
turns with the present version; its event loop is asyncio's where that version did not have another.
"""

import argparse
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import cv2
import numpy as np

from bench.processes import Served, interpreter_of, multipart, served
from bench.serving import EXAMPLE, case
from bench.wire import erase_request, get_request, processor_seconds, result_of, wire

ROUNDS, SECONDS = 3, 1.0
CLIENTS = 4
LARGE_SIZE = (4000, 3000)
STEADY_BYTES_PER_SECOND = 100e6
LIMIT = str(64 << 20)
BEFORE = (
    "import sys; sys.modules['uvloop'] = None; from image_erase.cli import main; sys.argv[0] = 'image-erase'; main()"
)


class Cost(NamedTuple):
    """rate: requests a second. milliseconds: of the server process's processor time for one."""

    rate: float
    milliseconds: float


def repeated(server: Served, request: bytes, clients: int, kept: bool) -> Cost:
    """Let clients send one request again and again. kept: on one connection each, or on a new one each time."""
    end, used, started = time.perf_counter() + SECONDS, processor_seconds(server.pid), time.perf_counter()

    def client(_: int) -> int:
        count = 0
        while time.perf_counter() < end:
            with wire(server) as connection:
                while time.perf_counter() < end:
                    connection.ask(request)
                    count += 1
                    if not kept:
                        break
        return count

    with ThreadPoolExecutor(clients) as pool:
        total = sum(pool.map(client, range(clients)))
    elapsed, used = time.perf_counter() - started, processor_seconds(server.pid) - used
    return Cost(total / elapsed, used / total * 1000)


def large(server: Served) -> tuple[bytes, int]:
    """The request of a result that no compression makes small, and its size."""
    noise = np.random.default_rng(1).integers(0, 256, (*LARGE_SIZE[::-1], 3), np.uint8)
    mask = np.zeros(LARGE_SIZE[::-1], np.uint8)
    cv2.circle(mask, (99, 99), 9, 255, -1)
    body = multipart(*(cv2.imencode(".png", pixels)[1].tobytes() for pixels in (noise, mask)))
    request = get_request(server, result_of(server, body))
    with wire(server) as connection:
        return request, connection.ask(request)[0]


def download(server: Served, request: bytes, size: int) -> tuple[float, float, float]:
    """Bytes a second at full speed, a core's share then, and a core's share at a steady rate."""
    figures = []
    for rate, times in ((None, 20), (STEADY_BYTES_PER_SECOND, 5)):
        with wire(server) as connection:
            used, started = processor_seconds(server.pid), time.perf_counter()
            for _ in range(times):
                connection.ask(request, rate)
            elapsed, used = time.perf_counter() - started, processor_seconds(server.pid) - used
        figures += [size * times / elapsed, used / elapsed]
    return figures[0], figures[1], figures[3]


def compare(name: str, servers: list[Served], requests: dict[int, bytes], clients: int, kept: bool) -> None:
    """Print a cost, as the median of rounds in which the servers take turns, and its ratio to the version before.

    requests: by the server's process id.
    """
    rounds = [[repeated(server, requests[server.pid], clients, kept) for server in servers] for _ in range(ROUNDS)]
    costs = [
        Cost(*(statistics.median(values) for values in zip(*column, strict=True)))
        for column in zip(*rounds, strict=True)
    ]
    line = f"{name}: {costs[0].rate:.0f}/s, {costs[0].milliseconds:.2f} ms of the server process"
    if len(costs) > 1:
        line += (
            f"; before {costs[1].rate:.0f}/s, {costs[1].milliseconds:.2f} ms: ratio {costs[0].rate / costs[1].rate:.2f}"
            f", of processor time {costs[1].milliseconds / costs[0].milliseconds:.2f}"
        )
    print(line, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--before", type=Path)
    before = parser.parse_args().before
    settings = {"ENGINE": "opencv", "MAX_FILE_BYTES": LIMIT, "WORKERS": "2"}
    with ExitStack() as stack:
        servers = [stack.enter_context(served(**settings))]
        if before:
            folder = stack.enter_context(TemporaryDirectory())
            old = (str(interpreter_of(before, Path(folder))), "-c", BEFORE)
            servers.append(stack.enter_context(served(command=old, **settings)))
        small = multipart(*case(EXAMPLE, 768, 512))
        results = {server.pid: get_request(server, result_of(server, small)) for server in servers}
        erasings = {server.pid: erase_request(server, small) for server in servers}
        health = {server.pid: get_request(server, "/healthz") for server in servers}
        for clients, kept in ((1, True), (1, False), (CLIENTS, True), (CLIENTS, False)):
            how = f"{clients} {'kept-alive' if kept else 'new'} connection{'s' if clients > 1 else ''}"
            for name, requests in (("/healthz", health), ("result", results), ("768x512", erasings)):
                compare(f"{name}, {how}", servers, requests, clients, kept)
        for name, server in zip(("now", "before"), servers, strict=False):
            request, size = large(server)
            fast, share, steady = download(server, request, size)
            print(
                f"download of {size / 1e6:.0f} MB, {name}: {fast / 1e9:.2f} GB/s with {share:.0%} of a core; "
                f"at 100 MB/s {steady:.0%} of a core"
            )


if __name__ == "__main__":
    main()
