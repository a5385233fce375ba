"""Slow clients: in the head, in the body, in the answer, or without sending anything."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property, partial
from itertools import repeat
from pathlib import Path

import pytest

from image_erase.http.limits import Limits
from support.envelope import assert_failure, assert_image_data, assert_success
from support.family import ADVANCED
from support.multipart import body_of, content_type, file_part
from support.pictures import mask_file, noise_file, photo_file
from support.processes import until
from support.raw import connected, head_of, read_answer, read_to_end
from support.server import KEY, PATH, Server, StartServer

BODY = body_of([file_part("image", photo_file()), file_part("user_mask", mask_file())])
HEADERS = {"Host": "x", "Content-Type": content_type(), "ailabapi-api-key": KEY, "Content-Length": str(len(BODY))}
UNSIZED = {name: value for name, value in HEADERS.items() if name != "Content-Length"}
SECOND = "second-key-of-the-tests"
LARGE = body_of([file_part("image", bytes(2_000_000))])
SHORT = 0.4


IMPATIENT = Limits(head_seconds=SHORT, stall_seconds=SHORT, linger_seconds=SHORT, probe_seconds=0.05)


@contextmanager
def dripping(connection: socket.socket, data: Iterator[bytes]) -> Iterator[None]:
    """Send piece by piece in the background until the server no longer listens."""
    stop = threading.Event()

    def drip() -> None:
        for piece in data:
            try:
                connection.send(piece)
            except OSError:
                return
            if stop.wait(0.02):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)


def seconds_of(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def connections_of(server: Server) -> int:
    return len(server._server.server_state.connections)


def held_by_bodies(server: Server) -> int:
    """How many bytes of the memory for bodies are held."""
    return int(server.metric("receive_memory_bytes"))


def held_by_answers(server: Server) -> int:
    """How many bytes of the memory for results are held."""
    return int(server.metric("answer_memory_bytes"))


def holds_more(own: Server, size: float) -> bool:
    return held_by_answers(own) > size


class TestHead:
    def test_that_never_ends(self, start_server: StartServer) -> None:
        own: Server = start_server(limits=IMPATIENT)
        with connected(own.client.address) as connection:
            connection.sendall(b"POST ")
            with dripping(connection, repeat(b"a")):
                answer = read_answer(connection)
            assert_failure(answer, "ERROR_PARAMETERS", "in time", status=408)
            assert answer.headers["connection"] == "close"
        until(lambda: connections_of(own) == 0, "the connection is closed")

    def test_that_never_begins(self, start_server: StartServer) -> None:
        own: Server = start_server(limits=IMPATIENT)
        with connected(own.client.address) as connection:
            assert seconds_of(lambda: read_to_end(connection)) < 5
            assert connections_of(own) == 0

    def test_second_on_a_connection(self, start_server: StartServer) -> None:
        own: Server = start_server(limits=IMPATIENT)
        with connected(own.client.address) as connection:
            connection.sendall(head_of("/healthz", {"Host": "x"}, "GET"))
            assert read_answer(connection, "GET").status_code == 200
            connection.sendall(b"GET /heal")
            assert_failure(read_answer(connection, "GET"), "ERROR_PARAMETERS", status=408)

    def test_arriving_in_pieces(self, server: Server) -> None:
        head = head_of("/healthz", {"Host": "x"}, "GET")
        with (
            connected(server.client.address) as connection,
            dripping(connection, (head[at : at + 8] for at in range(0, len(head), 8))),
        ):
            assert read_answer(connection, "GET").status_code == 200


class TestBody:
    def test_that_takes_too_long_holds_no_place(self, start_server: StartServer) -> None:
        own: Server = start_server(limits=IMPATIENT, queue=0, receive_seconds=1.0)
        with connected(own.client.address) as slow:
            slow.sendall(head_of(PATH, HEADERS) + BODY[:10])
            with dripping(slow, repeat(b"a")):
                assert_success(own.client.erase(), own.base)
                assert_failure(read_answer(slow), "ERROR_PARAMETERS", "in time", status=408)
        until(lambda: connections_of(own) == 0, "the connection is closed")

    @pytest.mark.parametrize("expect", [{}, {"Expect": "100-continue"}])
    @pytest.mark.parametrize("sent", [0, 100])
    def test_that_stops(self, start_server: StartServer, sent: int, expect: dict[str, str]) -> None:
        own: Server = start_server(limits=replace(IMPATIENT, body_idle_seconds=SHORT))
        with connected(own.client.address) as connection:
            connection.sendall(head_of(PATH, HEADERS | expect) + BODY[:sent])
            assert_failure(read_answer(connection), "ERROR_PARAMETERS", "in time", status=408)
        until(lambda: connections_of(own) == 0, "the connection is closed")

    def test_that_is_slow_but_comes(self, start_server: StartServer) -> None:
        """It takes longer than a pause in it may, and each pause is a small part of that."""
        own: Server = start_server(receive_seconds=60, limits=Limits(body_idle_seconds=1.5))
        step = len(BODY) // 100
        with connected(own.client.address) as connection:
            connection.sendall(head_of(PATH, HEADERS))
            with dripping(connection, (BODY[at : at + step] for at in range(0, len(BODY), step))):
                assert_success(read_answer(connection), "http://x")

    def test_that_is_large_has_longer(self, start_server: StartServer) -> None:
        """It takes longer than a body of a few bytes may, but comes at more than the least rate."""
        own: Server = start_server(receive_seconds=1.0, limits=Limits(body_bytes_per_second=len(BODY) / 60))
        step = len(BODY) // 100
        with connected(own.client.address) as connection:
            connection.sendall(head_of(PATH, HEADERS) + BODY[: 2 * step])
            with dripping(connection, (BODY[at : at + step] for at in range(2 * step, len(BODY), step))):
                assert_success(read_answer(connection), "http://x")

    def test_without_a_key_is_given_up_as_well(self, start_server: StartServer) -> None:
        own: Server = start_server(limits=IMPATIENT)
        with connected(own.client.address) as connection:
            connection.sendall(head_of(PATH, HEADERS | {"ailabapi-api-key": "unknown"}))
            assert_failure(read_answer(connection), "ERROR_APPLICATIONS_NOT_EXISTS")
            with dripping(connection, repeat(b"a")):
                until(lambda: connections_of(own) == 0, "the connection is closed")


class TestMemory:
    def test_announced_and_not_sent_takes_nothing(self, start_server: StartServer) -> None:
        """What is counted is what has arrived, however many bodies are announced."""
        own: Server = start_server(receive_memory_mb=1, api_keys=(KEY, SECOND), metrics=True)
        with ExitStack() as stack:
            for length in ({"Content-Length": "3000000"}, {"Transfer-Encoding": "chunked"}) * 10:
                connection = stack.enter_context(connected(own.client.address))
                connection.sendall(head_of(PATH, UNSIZED | length) + b"1\r\n-")
            until(lambda: connections_of(own) == 20, "all are there")
            assert_success(own.client.erase(), own.base)
            assert_success(own.client.erase(key=SECOND), own.base)

    def test_whoever_holds_most_gives_way_to_another_key(self, start_server: StartServer) -> None:
        own: Server = start_server(receive_memory_mb=1, api_keys=(KEY, SECOND), metrics=True)
        with ExitStack() as stack:
            slow = []
            for _ in range(3):
                slow.append(stack.enter_context(connected(own.client.address)))
                slow[-1].sendall(head_of(PATH, UNSIZED | {"Content-Length": "3000000"}) + LARGE[:300_000])
            until(lambda: held_by_bodies(own) == 900_000, "all have arrived")
            refused = own.client.erase(noise_file((400, 400)))
            assert_failure(refused, "EXCEEDING_LIMITS", "uploaded")
            assert 1 <= int(refused.headers["retry-after"]) <= 30
            size = (350, 350)
            assert_success(own.client.erase(noise_file(size), mask_file(size), key=SECOND), own.base)
            assert_failure(read_answer(slow[-1]), "EXCEEDING_LIMITS", "uploaded")
        until(lambda: held_by_bodies(own) == 0, "nothing is held")

    def test_what_is_larger_than_all_of_it_goes_alone(self, start_server: StartServer) -> None:
        own: Server = start_server(limits=IMPATIENT, receive_memory_mb=1)
        size = (700, 700)
        assert_success(own.client.erase(noise_file(size), mask_file(size)), own.base)


class TestUnreadResults:
    """Answers that are the result itself, and clients that don't read them."""

    @cached_property
    def body(self) -> bytes:
        return body_of([file_part("image", noise_file((1450, 1150))), file_part("mask", mask_file((1450, 1150)))])

    def ask(self, connection: socket.socket, key: str) -> None:
        headers = UNSIZED | {"Content-Length": str(len(self.body)), "ailabapi-api-key": key}
        connection.sendall(head_of(ADVANCED.path, headers) + self.body)

    def test_are_bounded_and_give_way_to_another_key(self, start_server: StartServer) -> None:
        own: Server = start_server(answer_memory_mb=13, metrics=True, api_keys=(KEY, SECOND))
        with ExitStack() as stack:
            for _ in range(2):
                unread = stack.enter_context(connected(own.client.address, receive_buffer=4096))
                before = held_by_answers(own)
                self.ask(unread, KEY)
                until(partial(holds_more, own, before + 4_000_000), "its result is held")
            with connected(own.client.address) as third:
                self.ask(third, KEY)
                refused = read_answer(third)
                assert_failure(refused, "EXCEEDING_LIMITS", "read")
                assert int(refused.headers["retry-after"]) >= 1
            with connected(own.client.address) as other:
                self.ask(other, SECOND)
                assert len(assert_image_data(read_answer(other))) > 4_000_000
            until(lambda: held_by_answers(own) < 6_000_000, "the newest was given up")
        until(lambda: held_by_answers(own) == 0, "nothing is held")
        assert_success(own.client.erase(), own.base)

    def test_that_are_read_hold_nothing(self, start_server: StartServer) -> None:
        own: Server = start_server(answer_memory_mb=13, metrics=True)
        for _ in range(4):
            with connected(own.client.address) as connection:
                self.ask(connection, KEY)
                assert_image_data(read_answer(connection))
        until(lambda: held_by_answers(own) == 0, "nothing is held")


class TestAnswer:
    @pytest.mark.parametrize("bytes_at_once", [0, 1])
    def test_that_nobody_takes(
        self, start_server: StartServer, monkeypatch: pytest.MonkeyPatch, bytes_at_once: int
    ) -> None:
        own: Server = start_server(limits=IMPATIENT, max_file_bytes=16 * 1024 * 1024)
        size = (1500, 1200)
        url = assert_success(own.client.erase(noise_file(size), mask_file(size)), own.base)
        with connected(own.client.address, receive_buffer=4096) as connection:
            connection.sendall(head_of(url.removeprefix(own.base), {"Host": "x"}, "GET"))
            until(lambda: connections_of(own) == 1, "the request is there")
            deadline = time.monotonic() + 40
            while connections_of(own) and time.monotonic() < deadline:
                if bytes_at_once:
                    connection.recv(bytes_at_once)
                time.sleep(0.02)
            assert connections_of(own) == 0

    def test_that_is_taken_slowly_is_sent_whole(
        self, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own: Server = start_server(limits=IMPATIENT, max_file_bytes=16 * 1024 * 1024)
        size = (1000, 500)
        url = assert_success(own.client.erase(noise_file(size), mask_file(size)), own.base)
        whole = own.client.get(url).content
        taken = bytearray()
        with connected(own.client.address, receive_buffer=65536) as connection:
            connection.sendall(head_of(url.removeprefix(own.base), {"Host": "x", "Connection": "close"}, "GET"))
            while piece := connection.recv(16384):
                taken += piece
                time.sleep(0.01)
        assert bytes(taken).endswith(whole)


PATIENT = Limits(head_seconds=60.0)


class TestConnections:
    HEALTH = head_of("/healthz", {"Host": "x"}, "GET")

    def test_one_more_takes_the_place_of_the_one_that_was_idle_longest(self, tmp_path: Path) -> None:
        """Also where all have come while the server was busy, so that it accepts them at one and the same time."""
        own = Server(tmp_path, limits=PATIENT, connections=4)
        with ExitStack() as stack:
            idle = [stack.enter_context(connected(own.client.address)) for _ in range(4)]
            stack.enter_context(own)
            until(lambda: connections_of(own) == 4, "all are there")
            for oldest in range(2):
                assert_success(own.client.erase(), own.base)
                assert read_to_end(idle[oldest]) == b""
                until(lambda: connections_of(own) == 3, "the client has gone")
                idle.append(stack.enter_context(connected(own.client.address)))
            for kept in idle[2:]:
                kept.sendall(self.HEALTH)
                assert read_answer(kept, "GET").status_code == 200

    def test_one_whose_request_is_there_is_not_idle(self, tmp_path: Path) -> None:
        own = Server(tmp_path, limits=PATIENT, connections=4)
        with ExitStack() as stack:
            connections = [stack.enter_context(connected(own.client.address)) for _ in range(5)]
            connections[0].sendall(self.HEALTH)
            stack.enter_context(own)
            assert read_answer(connections[0], "GET").status_code == 200
            assert read_to_end(connections[1]) == b""

    def test_one_that_was_used_since_is_not_the_oldest(self, start_server: StartServer) -> None:
        own: Server = start_server(limits=PATIENT, connections=4)
        with ExitStack() as stack:
            idle = [stack.enter_context(connected(own.client.address)) for _ in range(4)]
            until(lambda: connections_of(own) == 4, "all are there")
            idle[0].sendall(self.HEALTH)
            assert read_answer(idle[0], "GET").status_code == 200
            assert_success(own.client.erase(), own.base)
            assert read_to_end(idle[1]) == b""
            idle[0].sendall(self.HEALTH)
            assert read_answer(idle[0], "GET").status_code == 200

    def test_where_all_are_at_work_one_more_is_told_so(self, start_server: StartServer) -> None:
        own: Server = start_server(limits=IMPATIENT, connections=3)
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(connected(own.client.address)).sendall(head_of(PATH, HEADERS) + BODY[:100])
            until(lambda: connections_of(own) == 3, "all are there")
            until(lambda: not any(one.awaits_head for one in own.connections), "all are at work")
            with connected(own.client.address) as more:
                answer = read_answer(more)
            assert_failure(answer, "EXCEEDING_LIMITS", "connections")
            assert answer.headers["retry-after"] == "1"
        until(lambda: connections_of(own) == 0, "all are gone")
        assert_success(own.client.erase(), own.base)
