"""Faults of the machine, caused for real: processes killed, a full process table, a clock that jumps."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.envelope import assert_failure, assert_success
from support.pictures import boxed, file_of, mask_file, noise_file, photo, pixels_of
from support.processes import is_alive, is_stopped, processor_ticks, until
from support.server import COMMAND, CommandServer, Server, StartCommand, StartServer, continue_workers

HOUR = 3600
NOBODY = 54_321
# Python may stand where only root can read it.
READING = "+dac_read_search"
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", "--clear-groups", f"--inh-caps={READING}", f"--ambient-caps={READING}"]
SIZE = (320, 240)


class Senders:
    """Clients that send pictures of their own, one after the other, and remember what they were told."""

    def __init__(self, server: CommandServer, count: int = 4) -> None:
        self.told: dict[str, bytes] = {}
        self.codes: list[int] = []
        self._server, self._stop = server, threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(count)]

    def __enter__(self) -> "Senders":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _send(self, number: int) -> None:
        shade = 0
        while not self._stop.is_set():
            shade += 1
            image = file_of(photo(SIZE).point(lambda value, by=number * 16 + shade: (value + by) % 256))
            try:
                answer = self._server.client.erase(image, mask_file(SIZE))
            except httpx.TransportError:
                return
            self.codes.append(answer.status_code)
            if answer.status_code == 200:
                self.told[answer.json()["data"]["image_url"]] = image


def assert_kept(server: CommandServer | Server, base: str, told: dict[str, bytes]) -> None:
    """Every link that was told leads to the whole of its own picture."""
    for url, image in told.items():
        answer = server.client.get(url.removeprefix(base))
        assert answer.status_code == 200
        different = (pixels_of(answer.content) != pixels_of(image)).any(axis=2)
        different[12:28, 20:36] = False
        assert not different.any()


def test_server_killed_at_any_moment(start_command: StartCommand, tmp_path: Path) -> None:
    random_moments = random.Random(31)
    told: dict[str, bytes] = {}
    own: CommandServer = start_command()
    for _ in range(5):
        with Senders(own) as senders:
            until(partial(bool, senders.codes), "jobs are done")
            time.sleep(random_moments.random() * 0.3)
            own.process.kill()
        own.process.wait(60)
        told |= senders.told
        base, own = own.base, start_command(PORT=str(own.port))
        assert_kept(own, own.base, {url.replace(base, own.base): image for url, image in senders.told.items()})
        assert_success(own.client.erase(), own.base)
    assert len(told) >= 5
    assert_whole(tmp_path / "storage" / "results")


def assert_whole(results: Path) -> None:
    """Nothing that a link could lead to is half a picture."""
    for path in results.rglob("*.png"):
        assert pixels_of(path.read_bytes()).shape[2] == 3


def test_sigterm_under_load(start_command: StartCommand) -> None:
    own: CommandServer = start_command(WORKERS="2")
    with Senders(own, 12) as senders:
        until(lambda: len(senders.codes) > 20, "the server is under load")
        own.process.terminate()
        assert own.process.wait(60) == 0
    assert set(senders.codes) <= {200, 503}
    again: CommandServer = start_command()
    assert_kept(again, own.base, senders.told)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_worker_that_crashes_at_work(start_server: StartServer, number: signal.Signals) -> None:
    own: Server = start_server(queue=1)
    (pid,) = own.workers()
    idle = processor_ticks(pid)
    size = (1000, 1000)
    mask = file_of(boxed(size, (50, 50, 950, 950)))
    doomed = own.client.start_erase(noise_file(size, 9), mask)
    until(lambda: processor_ticks(pid) > idle + 5, "the worker is at work")
    os.kill(pid, signal.SIGSTOP)
    until(lambda: is_stopped(pid), "the worker stands")
    waits = own.client.start_erase()
    until(own.client.is_full, "both jobs are taken")
    os.kill(pid, number)
    os.kill(pid, signal.SIGCONT)
    assert_failure(doomed.result(), "PROCESSING_FAILURE")
    assert_success(waits.result(), own.base)
    until(lambda: not is_alive(pid), "the worker is gone")


class TestClock:
    @pytest.mark.parametrize("jump", [HOUR, -HOUR])
    def test_jumps_while_a_job_waits(self, start_server: StartServer, jump: int) -> None:
        own: Server = start_server(queue=1)
        before = assert_success(own.client.erase(), own.base)
        stopped = own.stop_workers()
        taken = [own.client.start_erase(), own.client.start_erase()]
        until(own.client.is_full, "both jobs are taken")
        own.clock.now += jump
        continue_workers(stopped)
        after = [assert_success(answer.result(), own.base) for answer in taken]
        for url in (before, *after):
            assert own.client.get(url).status_code == 200

    def test_forwards_and_back(self, start_server: StartServer) -> None:
        own: Server = start_server(result_ttl_seconds=HOUR // 2, sweep_interval_seconds=0.05)
        url = assert_success(own.client.erase(), own.base)
        own.clock.now -= HOUR
        assert own.client.get(url).status_code == 200
        own.clock.now += 2 * HOUR
        assert_failure(own.client.get(url), "ERROR_ILLEGAL_OPERATION")
        until(lambda: not own.results, "it is swept")
        own.clock.now -= HOUR
        assert_failure(own.client.get(url), "ERROR_FILE_NOT_FOUND")
        assert_success(own.client.erase(), own.base)


def test_two_servers_on_one_storage(start_server: StartServer, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    first: Server = start_server(storage, sweep_interval_seconds=0.05)
    second: Server = start_server(storage, sweep_interval_seconds=0.05)
    answers = [server.client.start_erase() for _ in range(10) for server in (first, second)]
    urls = [answer.result().json()["data"]["image_url"] for answer in answers]
    for url in urls:
        path = url.removeprefix(first.base).removeprefix(second.base)
        assert first.client.get(path).content == second.client.get(path).content
        assert second.client.get(path).status_code == 200
    for server in (first, second):
        server.clock.now += 25 * HOUR
    until(lambda: not first.results, "all are swept")
    # By a clock that is hours ahead of the disk's, a file that the other server is writing looks like a leftover.
    second.clock.now -= 25 * HOUR
    assert_success(first.client.erase(), first.base)


@pytest.fixture
def start_as_nobody() -> Iterator[StartCommand]:
    """Starts the command as a user for whom the limit of processes counts, which for root it does not."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root, to be another user who has no other processes")
    if subprocess.run([*AS_NOBODY, sys.executable, "-V"], check=False).returncode:
        pytest.skip("the command cannot be run as another user here")
    folder = Path(tempfile.mkdtemp())
    (folder / "logs").mkdir()
    servers: list[CommandServer] = []
    for path in (folder, folder / "logs"):
        os.chown(path, NOBODY, NOBODY)

    def start(**environment: Any) -> CommandServer:
        program: list[str | Path] = [*AS_NOBODY, COMMAND]
        servers.append(CommandServer(folder / "storage", folder / "logs", program=program, **environment))
        return servers[-1].__enter__()

    try:
        yield start
    finally:
        for server in servers:
            server.__exit__()
        shutil.rmtree(folder)


def allow_processes(server: CommandServer, count: int) -> None:
    limit = f"--nproc={'unlimited' if count == resource.RLIM_INFINITY else count}:"
    subprocess.run([*AS_NOBODY, "prlimit", f"--pid={server.process.pid}", limit], check=True)


@pytest.mark.parametrize("spare", [0, 1])
def test_full_process_table(start_as_nobody: StartCommand, spare: int) -> None:
    """Neither a process can be started, or one but no thread; once there is room again, all is as before."""
    own = start_as_nobody(DEADLINE_SECONDS="2", SWEEP_INTERVAL_SECONDS="0.2", RESULT_TTL_SECONDS="1")
    assert_success(own.client.erase(), own.base)
    (pid,) = own.workers()
    before = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    threads = len(os.listdir(f"/proc/{own.process.pid}/task"))
    allow_processes(own, threads - 1 + spare)
    os.kill(pid, signal.SIGKILL)
    until(lambda: "worker could not be started" in own.log.read_text(), "the server has tried")
    assert own.client.get("/healthz").status_code == 200
    assert_failure(own.client.get("/readyz"), "ERROR_INSUFFICIENT_RESOURCES")
    assert own.client.erase().status_code in (429, 504)
    allow_processes(own, before)
    until(lambda: own.client.get("/readyz").status_code == 200, "a worker is there again")
    assert_success(own.client.erase(), own.base)
    results = own.log.parent.parent / "storage" / "results"
    # os.walk passes over a folder that the sweeper takes away meanwhile.
    until(lambda: not any(files for _, _, files in os.walk(results)), "the sweeper goes on")
