"""The cost of several copies: copies behind HAProxy compared with one server with as many workers.

python -m bench.scale [--engines opencv,auto] [--copies 1,2,3] [--rounds N]

Both have the same number of workers and the same clients, one more than workers, and take turns in one run, so the
ratios hold on a noisy machine: above 1, the copies are the better. HAProxy has the configuration in deploy/. With it
come what a copy weighs and what processor time an erasing takes, of the workers and of all else.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2

from bench.processes import Served, free_port, multipart, served, tree, tree_megabytes, wait_until_ready
from bench.serving import EXAMPLE, case

CONFIGURATION = Path(__file__).parents[1] / "deploy" / "haproxy.cfg"
HAPROXY = "/usr/sbin/haproxy"
# Width, height, and the requests of each client in a round.
SIZES = ((768, 512, 8), (4000, 3000, 2))
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Setup:
    """What is measured. entrance: where clients call. pids: the processes whose trees do the work."""

    name: str
    entrance: Served
    pids: list[int]
    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def forget(self) -> None:
        """Reset the counts."""
        self.rates, self.latencies, self.cpu = [], [], []


def processor_seconds(pids: list[int]) -> float:
    """What the processes and all below them have used."""
    ticks = 0
    for member in (member for pid in pids for member in tree(pid)):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def crowd(setup: Setup, body: bytes, clients: int, requests: int) -> None:
    """Let the clients call, each one request after the other on one connection, and note what it took."""

    def client(_: int) -> list[float]:
        connection, taken = setup.entrance.connect(), []
        for _ in range(requests):
            started = time.perf_counter()
            status = setup.entrance.erase(connection, body)
            assert status == 200, status
            taken.append(time.perf_counter() - started)
        connection.close()
        return taken

    used, started = processor_seconds(setup.pids), time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        taken = [one for several in pool.map(client, range(clients)) for one in several]
    setup.rates.append(len(taken) / (time.perf_counter() - started))
    setup.cpu.append((processor_seconds(setup.pids) - used) / len(taken))
    setup.latencies += taken


@contextmanager
def balanced(copies: list[Served]) -> Iterator[tuple[int, int]]:
    """HAProxy before the copies. Yields its port and process id."""
    text = CONFIGURATION.read_text("utf-8")
    servers = "\n".join(f"    server copy{copy.port} 127.0.0.1:{copy.port}" for copy in copies)
    text = re.sub(r" init-addr none resolvers .*$", "", text, flags=re.M)
    text, count = re.subn(r"^ *server-template .*$", servers, text, flags=re.M)
    assert count == 1, f"{CONFIGURATION} has no servers to replace"
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "haproxy.cfg")
        file.write_text(text)
        process = subprocess.Popen(
            [shutil.which("haproxy") or HAPROXY, "-db", "-f", file],
            env={"LISTEN": f"127.0.0.1:{port}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until_ready(port)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def setups(engine: str, count: int) -> Iterator[tuple[Setup, Setup]]:
    """One server with so many workers, and so many copies with one each behind HAProxy."""
    with ExitStack() as stack:
        whole = stack.enter_context(served(ENGINE=engine, WORKERS=str(count)))
        storage = stack.enter_context(tempfile.TemporaryDirectory())
        shared = {"STORAGE_URL": f"file:{storage}", "API_KEYS": whole.key, "SIGNING_KEYS": 2 * whole.key}
        copies = [stack.enter_context(served(ENGINE=engine, WORKERS="1", **shared)) for _ in range(count)]
        port, pid = stack.enter_context(balanced(copies))
        entrance = replace(copies[0], port=port, key=whole.key)
        yield (
            Setup(f"{count} worker{'s' * (count > 1)}", whole, [whole.pid]),
            Setup(f"{count} cop{'ies' if count > 1 else 'y'}", entrance, [pid, *(copy.pid for copy in copies)]),
        )


def compare(engine: str, count: int, rounds: int) -> None:
    """Print throughput, latency and processor time of both, and the ratios of their medians over the rounds."""
    with setups(engine, count) as pair:
        for setup in pair:
            print(f"{engine}, {setup.name}: {sum(tree_megabytes(pid)[1] for pid in setup.pids):.0f} MB idle")
        for width, height, requests in SIZES:
            body = multipart(*case(EXAMPLE, width, height))
            for setup in pair:
                crowd(setup, body, 1, 2)
                setup.forget()
            for number in range(rounds):
                for setup in pair[:: 1 if number % 2 else -1]:
                    crowd(setup, body, count + 1, requests)
            report(f"{engine}, {width}x{height}", *pair)


def report(what: str, whole: Setup, copies: Setup) -> None:
    """Print one comparison."""
    for setup in (whole, copies):
        ordered = sorted(setup.latencies)
        print(
            f"{what}, {setup.name}: {statistics.median(setup.rates):.2f}/s, median {statistics.median(ordered):.3f} s, "
            f"95 % within {ordered[int(0.95 * len(ordered))]:.3f} s, "
            f"processor {statistics.median(setup.cpu):.3f} s each"
        )
    ratios = [ours / theirs for ours, theirs in zip(copies.rates, whole.rates, strict=True)]
    work = [ours / theirs for ours, theirs in zip(copies.cpu, whole.cpu, strict=True)]
    print(
        f"{what}, {copies.name} to {whole.name}: throughput {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f}), median latency "
        f"{statistics.median(copies.latencies) / statistics.median(whole.latencies):.2f}, "
        f"processor time {statistics.median(work):.2f}",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="opencv,auto")
    parser.add_argument("--copies", default="1,2,3", help="how many, several numbers between commas")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{len(os.sched_getaffinity(0))} processors")
    for engine in arguments.engines.split(","):
        for count in map(int, arguments.copies.split(",")):
            compare(engine, count, arguments.rounds)


if __name__ == "__main__":
    main()
