"""Every state of a connection ends, and none blocks other connections.

The table is in docs/architecture.md; heads, bodies and answers that take their time are in test_slow_clients.py.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from image_erase.http.connection import MAX_LINGERING
from image_erase.http.limits import Limits
from support.envelope import assert_failure, assert_success
from support.multipart import body_of, content_type, file_part
from support.pictures import mask_file, noise_file, photo_file
from support.processes import until
from support.raw import chunked, connected, exchange, head_of, read_answer, read_to_end
from support.server import KEY, PATH, Server, StartServer, continue_workers

SHORT = 0.4
IMPATIENT = Limits(head_seconds=SHORT, stall_seconds=SHORT, linger_seconds=SHORT, probe_seconds=0.05)
BODY = body_of([file_part("image", photo_file()), file_part("user_mask", mask_file())])
HEADERS = {"Host": "x", "Content-Type": content_type(), "ailabapi-api-key": KEY, "Content-Length": str(len(BODY))}
REQUEST = head_of(PATH, HEADERS) + BODY
GET = head_of("/healthz", {"Host": "x"}, "GET")


def connections_of(server: Server) -> int:
    return len(server.connections)


@pytest.fixture(scope="module")
def own(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("storage"), limits=IMPATIENT, keepalive_seconds=SHORT) as running:
        yield running


class TestAnsweredWithABodyThatNeverEnds:
    @pytest.mark.parametrize("framing", [{"Content-Length": "1000"}, {"Transfer-Encoding": "chunked"}])
    @pytest.mark.parametrize(
        ("method", "target", "more"),
        [
            ("OPTIONS", "/x", {"Origin": "http://e", "Access-Control-Request-Method": "POST"}),
            ("GET", "/healthz", {}),
            ("POST", "/nowhere", {}),
            ("POST", PATH, {}),
            ("DELETE", PATH, {}),
        ],
    )
    def test_is_closed(
        self, own: Server, method: str, target: str, framing: dict[str, str], more: dict[str, str]
    ) -> None:
        with connected(own.client.address) as connection:
            connection.sendall(head_of(target, {"Host": "x"} | framing | more, method))
            answer = read_answer(connection, method)
            assert answer.headers["connection"] == "close"
            # On a machine that is busy, it is closed before that.
            with suppress(ConnectionError):
                connection.sendall(b"1" if "Content-Length" in framing else b"1\r\nx\r\n")
                assert read_to_end(connection) == b""
            until(lambda: connections_of(own) == 0, "the connection is closed")

    def test_takes_nobodys_place(self, start_server: StartServer) -> None:
        own: Server = start_server(connections=4, limits=Limits(linger_seconds=60))
        pinned = []
        for _ in range(12):
            one = socket.create_connection(own.client.address)
            pinned.append(one)
            one.sendall(head_of("/healthz", {"Host": "x", "Content-Length": "9"}, "GET"))
            assert one.recv(12) == b"HTTP/1.1 200"
        assert_success(own.client.erase(), own.base)
        for one in pinned:
            one.close()

    def test_is_one_of_few(self, start_server: StartServer) -> None:
        own: Server = start_server(limits=Limits(linger_seconds=60))
        pinned = []
        for _ in range(MAX_LINGERING + 20):
            one = socket.create_connection(own.client.address)
            pinned.append(one)
            one.sendall(head_of("/healthz", {"Host": "x", "Content-Length": "9"}, "GET"))
            assert one.recv(12) == b"HTTP/1.1 200"
        until(lambda: connections_of(own) <= MAX_LINGERING, "the oldest are ended")
        for one in pinned:
            one.close()

    def test_may_send_no_more_than_a_bound(self, start_server: StartServer) -> None:
        own: Server = start_server(limits=Limits(linger_bytes=100_000))
        with connected(own.client.address) as connection:
            connection.sendall(head_of("/nowhere", {"Host": "x", "Content-Length": "999999999"}))
            assert_failure(read_answer(connection), "ERROR_AI_NOT_EXISTS")
            with pytest.raises(OSError, match=r"reset|pipe|refused"):
                connection.sendall(bytes(50_000_000))
        assert own.client.get("/healthz").status_code == 200


class TestKeptAlive:
    def test_idle(self, own: Server) -> None:
        with connected(own.client.address) as connection:
            connection.sendall(GET)
            assert read_answer(connection, "GET").status_code == 200
            assert read_to_end(connection) == b""

    def test_longer_than_a_head_may_take(self, start_server: StartServer) -> None:
        own: Server = start_server(limits=IMPATIENT, keepalive_seconds=20)
        with connected(own.client.address) as connection:
            connection.sendall(GET)
            assert read_answer(connection, "GET").status_code == 200
            connection.settimeout(3 * SHORT)
            with pytest.raises(TimeoutError):
                connection.recv(1)
            connection.settimeout(20)
            connection.sendall(GET)
            assert read_answer(connection, "GET").status_code == 200

    def test_blank_lines_are_no_request(self, own: Server) -> None:
        with connected(own.client.address) as connection:
            connection.sendall(GET)
            assert read_answer(connection, "GET").status_code == 200
            started = time.monotonic()
            while time.monotonic() - started < 10:
                try:
                    connection.send(b"\r\n")
                    connection.settimeout(0.05)
                    if connection.recv(1) == b"":
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            assert time.monotonic() - started < 10


class TestHalfClosed:
    def test_is_answered(self, own: Server) -> None:
        with connected(own.client.address) as connection:
            connection.sendall(REQUEST)
            connection.shutdown(socket.SHUT_WR)
            assert_success(read_answer(connection), "http://x")
            assert read_to_end(connection) == b""
        until(lambda: connections_of(own) == 0, "the connection is closed")

    @pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
    def test_is_answered_after_a_wait(self, start_server: StartServer, version: str) -> None:
        own: Server = start_server(limits=IMPATIENT)
        pids = own.stop_workers()
        with connected(own.client.address) as connection:
            connection.sendall(head_of(PATH, HEADERS, version=version) + BODY)
            connection.shutdown(socket.SHUT_WR)
            time.sleep(3 * IMPATIENT.probe_seconds)
            continue_workers(pids)
            assert_success(read_answer(connection), "http://x")

    def test_requests_sent_together(self, own: Server) -> None:
        with connected(own.client.address) as connection:
            connection.sendall(GET * 30)
            connection.shutdown(socket.SHUT_WR)
            assert read_to_end(connection).count(b"HTTP/1.1 200") == 30

    @pytest.mark.parametrize("sent", [b"GET /hea", REQUEST[:-50], head_of(PATH, HEADERS)])
    def test_within_a_request(self, own: Server, sent: bytes) -> None:
        with connected(own.client.address) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            assert_failure(read_answer(connection), "ERROR_PARAMETERS", "ends")

    def test_closed_altogether_cancels_the_job(self, start_server: StartServer) -> None:
        own: Server = start_server(limits=IMPATIENT, queue=1)
        pids = own.stop_workers()
        with connected(own.client.address) as connection:
            connection.sendall(REQUEST)
            until(lambda: connections_of(own) == 1, "the request is there")
        until(lambda: connections_of(own) == 0, "the server has noticed")
        continue_workers(pids)
        assert_success(own.client.erase(), own.base)
        assert len(own.results) == 1


def test_refusal_of_a_connection_too_many_reaches_a_client_that_is_sending(start_server: StartServer) -> None:
    own: Server = start_server(connections=2)
    holders = [socket.create_connection(own.client.address) for _ in range(2)]
    for one in holders:
        one.sendall(REQUEST[:-10])
    until(lambda: not any(c.awaits_head for c in own.connections), "all are at work")
    with connected(own.client.address) as more:
        more.sendall(head_of(PATH, HEADERS | {"Content-Length": "5000000"}) + bytes(5_000_000))
        answer = read_answer(more)
        assert_failure(answer, "EXCEEDING_LIMITS", "connections")
    for one in holders:
        one.close()


def test_malformed_request_of_a_client_that_is_sending_is_answered(own: Server) -> None:
    with connected(own.client.address) as connection:
        connection.sendall(b"nonsense\r\n" * 300_000)
        assert_failure(read_answer(connection, "GET"), "ERROR_PARAMETERS")


class TestTinyPieces:
    def test_of_a_body_let_others_have_their_turn(self, server: Server) -> None:
        """What holds the event loop shows as a pause between its turns, whatever the machine's speed."""
        stop = threading.Event()

        def attack() -> None:
            while not stop.is_set():
                with connected(server.client.address) as connection:
                    connection.sendall(head_of(PATH, {"Host": "x", "Transfer-Encoding": "chunked"}))
                    try:
                        while not stop.is_set():
                            connection.sendall(b"1\r\nx\r\n" * 20_000)
                    except OSError:
                        continue

        attackers = [threading.Thread(target=attack) for _ in range(2)]
        for one in attackers:
            one.start()
        try:
            for _ in range(20):
                assert exchange(server.client.address, GET, "GET").status_code == 200
        finally:
            stop.set()
            for one in attackers:
                one.join(60)

    def test_of_pipelined_requests(self, server: Server) -> None:
        with connected(server.client.address) as connection:
            sender = threading.Thread(
                target=lambda: connection.sendall(GET * 2000 + GET.replace(b"Host", b"Connection: close\r\nHost"))
            )
            sender.start()
            answers = read_to_end(connection)
            sender.join(60)
        assert answers.count(b"HTTP/1.1 200") == 2001

    def test_of_an_upload_arrive_whole(self, server: Server) -> None:
        headers = {name: value for name, value in HEADERS.items() if name != "Content-Length"}
        head = head_of(PATH, headers | {"Transfer-Encoding": "chunked"})
        assert_success(exchange(server.client.address, head + chunked(BODY, 1)), "http://x")


class TestDownload:
    def test_taken_steadily_and_slowly_is_not_cut_off(self, start_server: StartServer) -> None:
        """The client takes far more than the least in every stall period, a little at a time."""
        limits = Limits(stall_seconds=2.0, stall_bytes=4096)
        own: Server = start_server(max_file_bytes=16 << 20, limits=limits)
        size = (1500, 1200)
        url = assert_success(own.client.erase(noise_file(size), mask_file(size)), own.base)
        target = url.removeprefix(own.base)
        with connected(own.client.address, receive_buffer=16384) as connection:
            connection.sendall(head_of(target, {"Host": "x", "Connection": "close"}, "GET"))
            started = time.monotonic()
            while time.monotonic() - started < 2.5 * limits.stall_seconds:
                assert connection.recv(2048)
                time.sleep(0.05)
            rest = read_to_end(connection)
        assert len(rest) > 1_000_000


def test_small_packets_are_sent_at_once(server: Server) -> None:
    """Two small requests after each other on one connection take no pause of the client's delayed acknowledgement."""
    with connected(server.client.address) as connection:
        connection.sendall(GET)
        read_answer(connection, "GET")
        (served,) = [c for c in server.connections if c._client == connection.getsockname()]
        assert served.transport
        assert served.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
