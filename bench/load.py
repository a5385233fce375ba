"""A crowd of good, bad and rude clients, and whether the server comes out of it as it went in.

python -m bench.load [REQUESTS]

Each good answer is fetched and must show the very picture that was sent, outside of the mask. Meanwhile memory, open
files and processes are sampled. What is not as it has to be, is said and ends the program with 1.
"""

import io
import json
import random
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from bench.processes import BOUNDARY, PATH, Served, multipart, served, tree, tree_megabytes

CLIENTS = 64
REQUESTS = 10_000
SIZE = (96, 64)
HOLE = (slice(20, 40), slice(30, 60))
RETRIES = 40
SAMPLE_SECONDS = 0.25
# By how much memory and open files may differ between the second and the last quarter of the run.
MEMORY_SLACK_MB, FILES_SLACK = 40.0, 8.0


@dataclass
class Tally:
    """What came of all requests. seconds: of good ones. waits: what Retry-After said, and whether it was true."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    waits: list[tuple[int, bool]] = field(default_factory=list)
    samples: list[tuple[float, int, int]] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    def check(self, true: bool, what: str) -> None:
        """Take note of what is not as it has to be."""
        if not true:
            self.wrong.append(what)


def picture(number: int) -> np.ndarray:
    """A picture that no other number has."""
    pixels: np.ndarray = np.random.default_rng(number).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    return pixels


def file_of(pixels: np.ndarray) -> bytes:
    """A PNG."""
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG", compress_level=1)
    return target.getvalue()


def mask() -> bytes:
    """A mask of the hole."""
    pixels = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    pixels[HOLE] = 255
    return file_of(pixels)


class Client:
    """One of the crowd."""

    def __init__(self, server: Served, tally: Tally) -> None:
        self.server, self.tally, self.mask = server, tally, mask()

    def request(self, number: int) -> None:
        """One request; its number says which kind."""
        act = random.Random(number).choices((self.good, self.bad, self.rude), (60, 25, 15))[0]
        try:
            act(number)
        except (OSError, ValueError) as error:
            self.tally.check(False, f"request {number}, {act.__name__}: {error!r}")

    def good(self, number: int) -> None:
        """Send a picture, again when told to wait, and look at what comes back."""
        pixels = picture(number)
        body = multipart(file_of(pixels), self.mask)
        waited = 0
        for _ in range(RETRIES):
            started = time.perf_counter()
            status, retry_after, answer = self._post(body)
            if waited:
                self.tally.waits.append((waited, status == 200))
            if status != 429:
                break
            waited = int(retry_after or 0)
            self.tally.check(1 <= waited <= 30, f"Retry-After {retry_after!r}")
            time.sleep(waited)
        self.tally.outcomes[f"good {status}"] += 1
        if status == 200:
            self.tally.seconds.append(time.perf_counter() - started)
            self._compare(number, pixels, json.loads(answer)["data"]["image_url"])
        else:
            self.tally.check(False, f"good request {number}: {status}")

    def bad(self, number: int) -> None:
        """Send what has to be refused."""
        good = file_of(picture(number))
        body, allowed = [
            (multipart(good[: len(good) // 2], self.mask), {422}),
            (multipart(b"no picture", self.mask), {415}),
            (multipart(good, file_of(np.zeros((9, 9), np.uint8))), {400}),
            (multipart(good, b""), {400}),
            (multipart(good, self.mask)[:-40], {400}),
            (b"", {400}),
        ][number % 6]
        status, _, _ = self._post(body)
        self.tally.outcomes[f"bad {status}"] += 1
        self.tally.check(status in allowed | {429}, f"bad request {number}: {status}")

    def rude(self, number: int) -> None:
        """Hang up: before the head is sent, in the body, before the answer, or in it."""
        body = multipart(file_of(picture(number)), self.mask)
        head = self._head(len(body))
        data = [head[:40], head + body[: len(body) // 2], head + body, head + body][number % 4]
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as connection:
            connection.sendall(data)
            if number % 4 == 3:
                connection.recv(20)
        self.tally.outcomes["aborted"] += 1

    def _head(self, length: int) -> bytes:
        lines = (
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\nailabapi-api-key: {self.server.key}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {length}\r\n\r\n"
        )
        return lines.encode()

    def _post(self, body: bytes) -> tuple[int, str | None, bytes]:
        connection = self.server.connect()
        try:
            kind = f"multipart/form-data; boundary={BOUNDARY}"
            connection.request("POST", PATH, body, {"ailabapi-api-key": self.server.key, "Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Retry-After"), answer.read()
        finally:
            connection.close()

    def _compare(self, number: int, pixels: np.ndarray, url: str) -> None:
        connection = self.server.connect()
        try:
            connection.request("GET", url)
            with Image.open(io.BytesIO(connection.getresponse().read())) as image:
                result = np.array(image)
        finally:
            connection.close()
        different = (result != pixels).any(axis=2)
        self.tally.check(bool(different[HOLE].any()), f"request {number}: nothing was erased")
        different[HOLE] = False
        self.tally.check(not different.any(), f"request {number}: another picture came back")


def sample(server: Served, tally: Tally, done: threading.Event) -> None:
    """Look at the server's processes until the crowd has gone."""
    while not done.wait(SAMPLE_SECONDS):
        files = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
        tally.samples.append((tree_megabytes(server.pid)[1], files, zombies(server.pid)))


def zombies(pid: int) -> int:
    """How many of the processes below have ended and wait to be collected."""
    states = []
    for member in tree(pid):
        try:
            states.append(Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()[0])
        except OSError:
            continue
    return states.count("Z")


def crowd(requests: int, **settings: str) -> Tally:
    """Let the crowd loose on a server of its own. settings: ERASE_ variables without the prefix."""
    tally, done = Tally(), threading.Event()
    with served(**settings) as server:
        watcher = threading.Thread(target=sample, args=(server, tally, done))
        watcher.start()
        try:
            with ThreadPoolExecutor(CLIENTS) as pool:
                list(pool.map(Client(server, tally).request, range(requests)))
            _wait_until_idle(server, tally)
        finally:
            done.set()
            watcher.join()
        _judge(server, tally)
    return tally


def _wait_until_idle(server: Served, tally: Tally) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        connection = server.connect()
        connection.request("GET", "/readyz")
        waiting = json.loads(connection.getresponse().read()).get("waiting")
        connection.close()
        if waiting == 0 and not zombies(server.pid):
            return
        time.sleep(0.1)
    tally.check(False, "jobs or zombies are left")


def _judge(server: Served, tally: Tally) -> None:
    stored = [path.name for path in (server.storage / "results").rglob("*") if path.is_file()]
    tally.leftovers = [name for name in stored if "#" in name or not name.endswith(".png")]
    tally.check(not tally.leftovers, f"left over: {tally.leftovers[:3]}")
    good, aborted = tally.outcomes["good 200"], tally.outcomes["aborted"]
    tally.check(good <= len(stored) <= good + aborted, f"{len(stored)} results for {good} good answers")
    memory, late = (_mean(tally, quarter)[0] for quarter in (1, 3))
    tally.check(late - memory < MEMORY_SLACK_MB, f"memory went from {memory:.0f} to {late:.0f} MB")
    tally.check(tally.samples[-1][1] - tally.samples[0][1] < FILES_SLACK, f"files: {tally.samples[-1]}")


def _mean(tally: Tally, quarter: int) -> tuple[float, float]:
    count = max(1, len(tally.samples) // 4)
    part = tally.samples[quarter * count : (quarter + 1) * count] or tally.samples
    return statistics.mean(one[0] for one in part), statistics.mean(one[1] for one in part)


def report(tally: Tally, seconds: float) -> None:
    """Print the figures."""
    total = sum(tally.outcomes.values())
    print(f"load: {total} requests, {CLIENTS} clients, {seconds:.0f} s, {total / seconds:.0f}/s")
    print(f"answers: {dict(sorted(tally.outcomes.items()))}")
    ordered = sorted(tally.seconds)
    print(f"good ones: median {ordered[len(ordered) // 2]:.2f} s, longest {ordered[-1]:.2f} s")
    kept = [true for _, true in tally.waits]
    print(f"told to wait: {len(kept)} times, taken after that: {sum(kept)}")
    (memory, files), (late_memory, late_files) = (_mean(tally, quarter) for quarter in (1, 3))
    print(
        f"memory, second and last quarter: {memory:.0f} and {late_memory:.0f} MB; open files: {files:.0f} and ", end=""
    )
    print(f"{late_files:.0f}, at the end {tally.samples[-1][1]}; left over: {len(tally.leftovers)}")
    print("\n".join(tally.wrong[:20]) or "all was as it has to be")


def main() -> None:
    """Run and print."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    started = time.perf_counter()
    tally = crowd(requests)
    report(tally, time.perf_counter() - started)
    sys.exit(bool(tally.wrong))


if __name__ == "__main__":
    main()
