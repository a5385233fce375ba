"""Jobs under pressure: the queue, the deadline, workers that die, clients that go away.

A stopped worker (SIGSTOP) takes a job and does not continue, so the test decides how long a job takes.
"""

import os
import resource
import signal
import time
from functools import partial
from pathlib import Path

import httpx
import pytest
from PIL import Image

from support.envelope import assert_failure, assert_success
from support.multipart import body_of, content_type, file_part
from support.pictures import boxed, file_of, mask_file, noise_file, photo_file
from support.processes import is_alive, is_stopped, processor_ticks, until
from support.raw import connected, head_of, read_answer
from support.server import KEY, PATH, Server, StartServer, continue_workers

SECOND = "second-key-of-the-tests"
BODY = body_of([file_part("image", photo_file()), file_part("user_mask", mask_file())])
HEADERS = {
    "Host": "x",
    "Content-Type": content_type(),
    "ailabapi-api-key": KEY,
    "Content-Length": str(len(BODY)),
}


def assert_busy(answer: httpx.Response) -> None:
    assert_failure(answer, "EXCEEDING_LIMITS")
    assert answer.headers["retry-after"].isdecimal()
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def until_waiting(own: Server, jobs: int) -> None:
    until(lambda: own.client.waiting() == jobs, "the job waits")


def other_workers(own: Server, pid: int) -> set[int]:
    return own.workers() - {pid}


class TestQueue:
    def test_full(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=1)
        stopped = own.stop_workers()
        taken = [own.client.start_erase(), own.client.start_erase()]
        until(own.client.is_full, "both jobs are taken")
        assert own.client.waiting() == 1
        assert_busy(own.client.erase())
        assert own.client.get("/healthz").status_code == 200
        continue_workers(stopped)
        for answer in taken:
            assert_success(answer.result(), own.base)
        assert_success(own.client.erase(), own.base)

    def test_full_is_said_before_the_body_is_sent_and_after_the_key(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=0)
        stopped = own.stop_workers()
        taken = own.client.start_erase()
        until(own.client.is_full, "the job is taken")
        with connected(own.client.address) as connection:
            connection.sendall(head_of(PATH, HEADERS | {"Content-Length": "1000000"}))
            answer = read_answer(connection)
        assert_failure(answer, "EXCEEDING_LIMITS")
        assert_failure(own.client.erase(key="unknown"), "ERROR_APPLICATIONS_NOT_EXISTS")
        continue_workers(stopped)
        assert_success(taken.result(), own.base)

    def test_full_by_the_time_the_body_is_there(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=0)
        stopped = own.stop_workers()
        with connected(own.client.address) as slow:
            slow.sendall(head_of(PATH, HEADERS | {"Expect": "100-continue"}))
            assert slow.recv(12) == b"HTTP/1.1 100", "the slow request is let in while there is room"
            rest = b""
            while not rest.endswith(b"\r\n\r\n"):
                rest += slow.recv(1)
            taken = own.client.start_erase()
            until(own.client.is_full, "the quick request's job is taken")
            slow.sendall(BODY)
            answer = read_answer(slow)
        assert_failure(answer, "EXCEEDING_LIMITS")
        assert int(answer.headers["retry-after"]) >= 1
        continue_workers(stopped)
        assert_success(taken.result(), own.base)

    def test_full_turns_away_whoever_holds_most_of_it(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=2, api_keys=(KEY, SECOND))
        stopped = own.stop_workers()
        taken = [own.client.start_erase()]
        for waiting in (1, 2):
            taken.append(own.client.start_erase())
            until_waiting(own, waiting)
        other = own.client.start_erase(key=SECOND)
        assert_busy(taken.pop().result())
        assert own.client.waiting() == 2
        assert_busy(own.client.erase())
        continue_workers(stopped)
        for answer in (*taken, other):
            assert_success(answer.result(), own.base)

    def test_the_next_job_is_of_the_key_that_has_had_the_least(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=6, api_keys=(KEY, SECOND))
        # Each takes so long that answers arrive here in the order in which the jobs ended.
        files = noise_file((1000, 800)), mask_file((1000, 800))
        stopped = own.stop_workers()
        many = [own.client.start_erase(*files) for _ in range(5)]
        until(lambda: own.client.waiting() == 4, "the jobs wait")
        one = own.client.start_erase(*files, key=SECOND)
        until(lambda: own.client.waiting() == 5, "the other key's job waits")
        ended: list[object] = []
        for answer in (*many, one):
            answer.add_done_callback(ended.append)
        continue_workers(stopped)
        assert_success(one.result(), own.base)
        assert ended.index(one) <= 2, "at most one job was at work before, and one ended at the same moment"
        for answer in many:
            assert_success(answer.result(), own.base)

    def test_several_workers_work_at_once(self, start_server: StartServer) -> None:
        own: Server = start_server(workers=2, queue=0)
        first, second = sorted(own.stop_workers())
        taken = [own.client.start_erase(), own.client.start_erase()]
        until(own.client.is_full, "both jobs are taken")
        continue_workers({second})
        until(lambda: any(answer.done() for answer in taken), "one job is done")
        assert not all(answer.done() for answer in taken)
        continue_workers({first})
        for answer in taken:
            assert_success(answer.result(), own.base)


@pytest.mark.hostile
class TestDeadline:
    def test_of_a_job(self, start_server: StartServer) -> None:
        own: Server = start_server(deadline_seconds=1.0)
        stopped = own.stop_workers()
        started = time.monotonic()
        assert_failure(own.client.erase(), "AI_SERVICE_TIMEOUT")
        assert time.monotonic() - started > 0.9
        until(lambda: not any(is_alive(pid) for pid in stopped), "the overdue worker is killed")
        until(own.workers, "the worker is replaced")
        assert own.results == []

    def test_place_is_free_again(self, start_server: StartServer) -> None:
        own: Server = start_server(deadline_seconds=3.0, queue=0)
        own.stop_workers()
        assert_failure(own.client.erase(), "AI_SERVICE_TIMEOUT")
        until(lambda: own.client.get("/readyz").status_code == 200, "the worker is replaced")
        assert_success(own.client.erase(), own.base)

    def test_of_a_job_that_only_waits(self, start_server: StartServer) -> None:
        """It is answered by then too, if only with the advice to come again."""
        own: Server = start_server(deadline_seconds=1.0, queue=1)
        own.stop_workers()
        answers = [taken.result() for taken in [own.client.start_erase(), own.client.start_erase()]]
        runs, waits = sorted(answers, key=lambda answer: answer.status_code != 504)
        assert_failure(runs, "AI_SERVICE_TIMEOUT")
        if waits.status_code == 429:
            assert_busy(waits)
        else:
            assert waits.status_code in (200, 504)
        until(lambda: not own.client.is_full(), "both places are free")


@pytest.mark.hostile
class TestKilledWorker:
    def test_costs_its_own_request_only(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=1)
        (pid,) = own.workers()
        idle = processor_ticks(pid)
        size = (1000, 1000)
        begun = own.client.start_erase(noise_file(size, 9), file_of(boxed(size, (50, 50, 950, 950))))
        until(lambda: processor_ticks(pid) > idle + 5, "the worker is at work")
        os.kill(pid, signal.SIGSTOP)
        until(lambda: is_stopped(pid), "the worker stands")
        assert not begun.done(), "the job is too small for this test"
        waits = own.client.start_erase()
        until(own.client.is_full, "both jobs are taken")
        os.kill(pid, signal.SIGKILL)
        assert_failure(begun.result(), "PROCESSING_FAILURE")
        assert_success(waits.result(), own.base)
        assert_success(own.client.erase(), own.base)
        assert len(own.workers()) == 1
        assert len(own.results) == 2

    def test_before_it_begins_costs_nobody_anything(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=1)
        (pid,) = own.stop_workers()
        taken = [own.client.start_erase(), own.client.start_erase()]
        until(own.client.is_full, "both jobs are taken")
        os.kill(pid, signal.SIGKILL)
        for answer in taken:
            assert_success(answer.result(), own.base)

    def test_while_idle_costs_nothing(self, start_server: StartServer) -> None:
        own: Server = start_server()
        for _ in range(2):
            (pid,) = own.workers()
            os.kill(pid, signal.SIGKILL)
            until(partial(other_workers, own, pid), "the worker is replaced")
            assert_success(own.client.erase(), own.base)

    def test_one_of_two(self, start_server: StartServer) -> None:
        own: Server = start_server(workers=2)
        first, second = own.workers()
        os.kill(first, signal.SIGKILL)
        until(lambda: not is_alive(first), "the worker is dead")
        assert_success(own.client.erase(), own.base)
        assert is_alive(second)


class TestMemory:
    def test_too_little(self, start_server: StartServer) -> None:
        """The worker may not have what this picture needs; the next, smaller one is served by the same worker."""
        own: Server = start_server()
        (pid,) = own.workers()
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + 24 * 1024 * 1024
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
        size = (4096, 4096)
        answer = own.client.erase(file_of(Image.new("RGB", size, (9, 90, 190))), mask_file(size))
        assert_failure(answer, "ERROR_INSUFFICIENT_RESOURCES")
        assert_success(own.client.erase(), own.base)
        assert own.workers() == {pid}


@pytest.mark.hostile
class TestClientGone:
    def test_while_its_job_waits(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=1, metrics=True)
        stopped = own.stop_workers()
        with connected(own.client.address) as staying:
            staying.sendall(head_of(PATH, HEADERS) + BODY)
            until(lambda: own.metric("jobs_running") == 1, "the first job is in work")
            with connected(own.client.address) as leaving:
                leaving.sendall(head_of(PATH, HEADERS) + BODY)
                until(own.client.is_full, "both jobs are taken")
            until(lambda: not own.client.is_full(), "the place of the client that left is free")
            assert own.workers() == stopped, "the job that was in work is no longer"
            continue_workers(stopped)
            assert_success(read_answer(staying), "http://x")
        assert len(own.results) == 1

    def test_while_its_job_runs(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=0)
        (pid,) = own.stop_workers()
        with connected(own.client.address) as leaving:
            leaving.sendall(head_of(PATH, HEADERS) + BODY)
            until(own.client.is_full, "the job is taken")
        until(lambda: not own.client.is_full(), "the place of the client that left is free")
        until(lambda: not is_alive(pid), "its worker is stopped")
        assert own.results == []
        assert_success(own.client.erase(), own.base)
        assert len(own.results) == 1

    def test_while_it_sends(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=0)
        for end in (10, len(BODY) // 2, len(BODY) - 1):
            with connected(own.client.address) as leaving:
                leaving.sendall(head_of(PATH, HEADERS) + BODY[:end])
        assert_success(own.client.erase(), own.base)
        assert len(own.results) == 1

    def test_while_it_downloads(self, start_server: StartServer) -> None:
        own: Server = start_server(max_file_bytes=16 * 1024 * 1024)
        size = (1500, 1200)
        url = assert_success(own.client.erase(noise_file(size), mask_file(size)), own.base)
        for _ in range(3):
            with connected(own.client.address, receive_buffer=4096) as leaving:
                leaving.sendall(head_of(url.removeprefix(own.base), {"Host": "x"}, "GET"))
                assert leaving.recv(100).startswith(b"HTTP/1.1 200")
        assert len(own.client.get(url).content) > 4_000_000

    def test_goes_without_an_error_in_the_log(
        self, start_server: StartServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        own: Server = start_server(queue=0)
        own.stop_workers()
        with connected(own.client.address) as leaving:
            leaving.sendall(head_of(PATH, HEADERS) + BODY)
            until(own.client.is_full, "the job is taken")
        until(lambda: not own.client.is_full(), "the place is free")
        assert [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []
