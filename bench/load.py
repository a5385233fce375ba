"""Load test: valid, invalid and aborted requests with two keys; the server must be unchanged afterwards.

python -m bench.load [REQUESTS [SECONDS]]

Every result is fetched and compared with the image that was sent, outside the mask. Clients disconnect at every stage
of a job, many of them during an answer of megabytes. Memory, open files and processes are sampled meanwhile. Then two
keys compete for the workers, one with fifteen times as many connections as the other. Every deviation is
printed, and the exit code is then 1.

The run ends after REQUESTS requests (10000) or SECONDS (600), whichever comes first.
"""

import io
import json
import random
import re
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from bench.processes import BOUNDARY, PATH, Served, multipart, served, tree, tree_megabytes

INLINE_PATH = "/api/image/editing/remove-objects-advanced"
KEYS = ("first-key-of-the-crowd", "second-key-of-the-crowd")
CLIENTS = 64
# How many of them have the second key while both compete.
FEW_CLIENTS = 4
REQUESTS = 10_000
SECONDS = 600.0
FAIR_SECONDS = 20.0
FAIR_RATIO = 2.0
SIZE = (96, 64)
# Noise of this size is a result of more than 2 MiB, which no pipe holds.
LARGE_SIZE = (1000, 850)
# Mostly hole: a worker has far more to do than the server process.
DEMANDING_SIZE = (500, 400)
HOLE = (slice(20, 40), slice(30, 60))
RETRIES = 60
SAMPLE_SECONDS = 0.25
IDLE_SECONDS = 30.0
GROWTH_STEP = 500
# By how much memory and open files may differ between the second and the last quarter of the run.
MEMORY_SLACK_MB, FILES_SLACK = 40.0, 8.0
# In a shorter run memory is still growing to what the largest jobs take.
MEMORY_REQUESTS = 2000


@dataclass
class Tally:
    """The outcomes of all requests. seconds: of successful ones. waits: what Retry-After said, and whether it was true.

    tries: how many good ones were answered at the first, second, ... try. growth: memory of all processes in MB, after
    so many requests.
    fair: finished jobs of both keys while they competed. restarts: workers that were replaced.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    waits: list[tuple[int, bool]] = field(default_factory=list)
    tries: Counter[int] = field(default_factory=Counter)
    growth: dict[int, float] = field(default_factory=dict)
    samples: list[tuple[float, int, int]] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    fair: tuple[int, int] = (0, 0)
    restarts: int = 0

    def check(self, true: bool, what: str) -> None:
        """Record a deviation."""
        if not true:
            self.wrong.append(what)


def picture(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return an image that is unique to the number. size: width and height."""
    pixels: np.ndarray = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return pixels


def file_of(pixels: np.ndarray) -> bytes:
    """Return a PNG."""
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG", compress_level=1)
    return target.getvalue()


def mask(size: tuple[int, int] = SIZE) -> bytes:
    """Return a mask of the hole."""
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[HOLE] = 255
    return file_of(pixels)


class Client:
    """One client. end: when to stop sending, in the clock's seconds."""

    def __init__(self, server: Served, tally: Tally, end: float) -> None:
        self.server, self.tally, self.end = server, tally, end
        self.mask = mask()
        self.large = multipart(file_of(picture(0, LARGE_SIZE)), mask(LARGE_SIZE))
        self.large_inline = self.large.replace(b'name="user_mask"', b'name="mask"')

    def request(self, number: int) -> None:
        """Send one request; its number says which kind."""
        if time.monotonic() > self.end:
            return
        acts = (self.good, self.bad, self.rude, self.rude_with_much)
        act = random.Random(number).choices(acts, (58, 25, 12, 5))[0]
        try:
            act(number)
        except (OSError, ValueError) as error:
            self.tally.check(False, f"request {number}, {act.__name__}: {error!r}")

    def good(self, number: int) -> None:
        """Send an image, retry after Retry-After, and check the result."""
        pixels = picture(number)
        body = multipart(file_of(pixels), self.mask)
        waited = tries = 0
        while tries < RETRIES:
            tries += 1
            started = time.perf_counter()
            status, retry_after, answer = post(self.server, body, KEYS[number % 2])
            if waited:
                self.tally.waits.append((waited, status == 200))
            if status != 429:
                break
            waited = int(retry_after or 0)
            self.tally.check(1 <= waited <= 30, f"Retry-After {retry_after!r}")
            time.sleep(waited)
        self.tally.outcomes[f"good {status}"] += 1
        self.tally.tries[tries] += 1
        if status == 200:
            self.tally.seconds.append(time.perf_counter() - started)
            self._compare(number, pixels, json.loads(answer)["data"]["image_url"])
        else:
            self.tally.check(False, f"good request {number}: {status}")

    def bad(self, number: int) -> None:
        """Send an invalid request."""
        good = file_of(picture(number))
        body, allowed = [
            (multipart(good[: len(good) // 2], self.mask), {422}),
            (multipart(b"no picture", self.mask), {415}),
            (multipart(good, file_of(np.zeros((9, 9), np.uint8))), {400}),
            (multipart(good, b""), {400}),
            (multipart(good, self.mask)[:-40], {400}),
            (b"", {400}),
        ][number % 6]
        status, _, _ = post(self.server, body, KEYS[number % 2])
        self.tally.outcomes[f"bad {status}"] += 1
        self.tally.check(status in allowed | {429}, f"bad request {number}: {status}")

    def rude(self, number: int) -> None:
        """Disconnect before the head is sent, in the body, before the answer, or in it."""
        body = multipart(file_of(picture(number)), self.mask)
        head = self._head(len(body), KEYS[number % 2])
        data = [head[:40], head + body[: len(body) // 2], head + body, head + body][number % 4]
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as connection:
            connection.sendall(data)
            if number % 4 == 3:
                connection.recv(20)
        self.tally.outcomes["left"] += 1

    def rude_with_much(self, number: int) -> None:
        """Disconnect at any moment of a job with a large result."""
        chance = random.Random(number)
        inline = chance.random() < 0.5
        body = self.large_inline if inline else self.large
        data = self._head(len(body), KEYS[number % 2], INLINE_PATH if inline else PATH) + body
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as connection:
            if chance.random() < 0.2:
                data = data[: chance.randrange(len(data))]
            connection.sendall(data)
            connection.settimeout(chance.uniform(0.01, 1.5))
            try:
                taken = len(connection.recv(chance.choice([1, 65536])))
            except TimeoutError:
                taken = 0
            if chance.random() < 0.3:  # a reset instead of an orderly end
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.tally.outcomes["left a large job, " + ("in its answer" if taken else "before its answer")] += 1

    def _head(self, length: int, key: str, path: str = PATH) -> bytes:
        lines = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\nailabapi-api-key: {key}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {length}\r\n\r\n"
        )
        return lines.encode()

    def _compare(self, number: int, pixels: np.ndarray, url: str) -> None:
        with closing(self.server.connect()) as connection:
            connection.request("GET", url)
            with Image.open(io.BytesIO(connection.getresponse().read())) as image:
                result = np.array(image)
        different = (result != pixels).any(axis=2)
        self.tally.check(bool(different[HOLE].any()), f"request {number}: nothing was erased")
        different[HOLE] = False
        self.tally.check(not different.any(), f"request {number}: another image came back")


def post(server: Served, body: bytes, key: str) -> tuple[int, str | None, bytes]:
    """Send one request. Returns status, Retry-After and content."""
    with closing(server.connect()) as connection:
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        connection.request("POST", PATH, body, {"ailabapi-api-key": key, "Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Retry-After"), answer.read()


def demanding() -> bytes:
    """Return a request that is short to send and long to work on: what the keys compete for are the workers.

    With a smaller picture they would compete for the connections, where the key with more of them has more.
    """
    covered = np.zeros((DEMANDING_SIZE[1], DEMANDING_SIZE[0]), np.uint8)
    covered[50:-50, 50:-50] = 255
    return multipart(file_of(np.full((*covered.shape, 3), 128, np.uint8)), file_of(covered))


def compete(server: Served, seconds: float) -> tuple[int, int]:
    """Let both keys send as fast as they can, one from many connections. Returns how many jobs each had done."""
    body, done, end = demanding(), Counter[str](), time.monotonic() + seconds

    def client(number: int) -> None:
        key = KEYS[number < FEW_CLIENTS]
        while time.monotonic() < end:
            status, _, _ = post(server, body, key)
            done[key] += status == 200
            if status != 200:
                time.sleep(0.05)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))
    return done[KEYS[0]], done[KEYS[1]]


def sample(server: Served, tally: Tally, done: threading.Event) -> None:
    """Sample the server's processes until all clients have ended."""
    while not done.wait(SAMPLE_SECONDS):
        tally.samples.append((tree_megabytes(server.pid)[1], open_files(server), zombies(server.pid)))


def open_files(server: Served) -> int:
    """Return how many descriptors the server process has open."""
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


def zombies(pid: int) -> int:
    """Return how many of the processes below have ended and wait to be collected."""
    states = []
    for member in tree(pid):
        try:
            states.append(Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()[0])
        except OSError:
            continue
    return states.count("Z")


def crowd(
    requests: int, seconds: float = SECONDS, fair_seconds: float = FAIR_SECONDS, workers: int = 2, **settings: str
) -> Tally:
    """Run all clients against a new server.

    fair_seconds: how long both keys compete afterwards, if at all. settings: ERASE_ variables without the prefix.
    """
    tally, done = Tally(), threading.Event()
    settings = {"WORKERS": str(workers), "API_KEYS": ",".join(KEYS), "METRICS": "true", **settings}
    with served(**settings) as server:
        files = open_files(server)
        watcher = threading.Thread(target=sample, args=(server, tally, done))
        watcher.start()
        try:
            client = Client(server, tally, time.monotonic() + seconds)
            with ThreadPoolExecutor(CLIENTS) as pool:
                for number, _ in enumerate(pool.map(client.request, range(requests))):
                    if number % GROWTH_STEP == 0:
                        tally.growth[number] = tree_megabytes(server.pid)[1]
            _wait_until_idle(server, tally, workers)
        finally:
            done.set()
            watcher.join()
        tally.growth[requests] = tree_megabytes(server.pid)[1]
        _judge(server, tally, files)
        if fair_seconds:
            tally.fair = compete(server, fair_seconds)
            tally.check(max(tally.fair) <= FAIR_RATIO * min(tally.fair), f"unfair: {tally.fair}")
            _wait_until_idle(server, tally, workers)
        _check_log(server, tally)
    return tally


def numbers(server: Served) -> dict[str, float]:
    """Return what /metrics shows without labels."""
    with closing(server.connect()) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    return {name: float(value) for name, value in re.findall(r"^image_erase_(\w+) (\S+)$", text, re.M)}


def _wait_until_idle(server: Served, tally: Tally, workers: int) -> None:
    """Wait until all workers are ready, and all jobs, processes and memory are released."""
    deadline = time.monotonic() + IDLE_SECONDS
    wanted = {
        "workers_ready": workers,
        "jobs_waiting": 0,
        "jobs_running": 0,
        "receive_memory_bytes": 0,
        "answer_memory_bytes": 0,
    }
    while time.monotonic() < deadline:
        seen = numbers(server)
        tally.restarts = round(seen["worker_restarts_total"])
        if all(seen[name] == value for name, value in wanted.items()) and not zombies(server.pid):
            break
        time.sleep(0.1)
    else:
        tally.check(False, f"left: { ({name: seen[name] for name in wanted}) }, {zombies(server.pid)} zombies")
    processes = len(list(tree(server.pid))) - 1
    tally.check(processes == workers, f"{processes} processes for {workers} workers")


def _judge(server: Served, tally: Tally, files: int) -> None:
    stored = [path.name for path in (server.storage / "results").rglob("*") if path.is_file()]
    tally.leftovers = [name for name in stored if "#" in name or not name.endswith(".png")]
    tally.check(not tally.leftovers, f"left over: {tally.leftovers[:3]}")
    good = tally.outcomes["good 200"]
    left = sum(count for outcome, count in tally.outcomes.items() if outcome.startswith("left"))
    tally.check(good <= len(stored) <= good + left, f"{len(stored)} results for {good} good answers")
    memory, late = (_mean(tally, quarter)[0] for quarter in (1, 3))
    steady = late - memory < MEMORY_SLACK_MB or sum(tally.outcomes.values()) < MEMORY_REQUESTS
    tally.check(steady, f"memory went from {memory:.0f} to {late:.0f} MB")
    tally.check(open_files(server) - files < FILES_SLACK, f"files: {files} and {open_files(server)}")


def _check_log(server: Served, tally: Tally) -> None:
    """Record errors that the server logged, and what it printed without logging it."""
    lines = server.log.read_text("utf-8", "replace").splitlines()
    wrong = [line for line in lines if not re.match(r"\S+ (INFO|WARNING) ", line)]
    tally.check(not wrong, f"{len(wrong)} lines of the log: {wrong[:3]}")


def _mean(tally: Tally, quarter: int) -> tuple[float, float]:
    count = max(1, len(tally.samples) // 4)
    part = tally.samples[quarter * count : (quarter + 1) * count] or tally.samples
    return statistics.mean(one[0] for one in part), statistics.mean(one[1] for one in part)


def report(tally: Tally, seconds: float) -> None:
    """Print the figures."""
    total = sum(tally.outcomes.values())
    print(f"load: {total} requests, {CLIENTS} clients, 2 keys, {seconds:.0f} s, {total / seconds:.0f}/s")
    print(f"answers: {dict(sorted(tally.outcomes.items()))}")
    print(f"tries of good ones: {dict(sorted(tally.tries.items()))}")
    ordered = sorted(tally.seconds)
    print(f"good ones: median {ordered[len(ordered) // 2]:.2f} s, longest {ordered[-1]:.2f} s")
    kept = [true for _, true in tally.waits]
    print(f"told to wait: {len(kept)} times, taken after that: {sum(kept)}; workers replaced: {tally.restarts}")
    (memory, files), (late_memory, late_files) = (_mean(tally, quarter) for quarter in (1, 3))
    print(
        f"memory, second and last quarter: {memory:.0f} and {late_memory:.0f} MB; open files: {files:.0f} and ", end=""
    )
    print(f"{late_files:.0f}, at the end {tally.samples[-1][1]}; left over: {len(tally.leftovers)}")
    print("memory by requests:", ", ".join(f"{number}: {memory:.0f}" for number, memory in tally.growth.items()))
    many, few = tally.fair
    print(f"competing keys: {many} jobs from {CLIENTS - FEW_CLIENTS} connections, {few} from {FEW_CLIENTS}")
    print("\n".join(tally.wrong[:20]) or "all was as it has to be")


def main() -> None:
    """Run and print."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    limit = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    started = time.perf_counter()
    tally = crowd(requests, limit)
    report(tally, time.perf_counter() - started)
    sys.exit(bool(tally.wrong))


if __name__ == "__main__":
    main()
