"""HTTP on the connection: malformed requests, early answers, discarded bodies."""

import json
import socket
import threading

import pytest

from support.envelope import assert_failure, assert_success
from support.multipart import body_of, content_type, file_part, part
from support.pictures import mask_file, photo_file
from support.raw import RawAnswer, chunked, connected, exchange, head_of, read_answer, read_to_end
from support.server import KEY, PATH, Client, Server, StartServer

MEGABYTE = 1024 * 1024
BODY = body_of([file_part("image", photo_file()), file_part("user_mask", mask_file())])


def headers(**more: str) -> dict[str, str]:
    return {"Host": "127.0.0.1", "Content-Type": content_type(), "ailabapi-api-key": KEY} | {
        name.replace("_", "-"): value for name, value in more.items()
    }


MALFORMED = {
    "no HTTP": b"this is no HTTP\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "control characters": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x01\x00\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "length no number": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    "length negative": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "unknown coding": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rot13\r\n\r\n",
    "headers without end": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 200_000,
    "target no URL": b"GET http:x HTTP/1.1\r\nHost: x\r\n\r\n",
    "target not ASCII": b"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_http(server: Server, data: bytes) -> None:
    answer = exchange(server.client.address, data, "GET")
    assert_failure(answer, "ERROR_PARAMETERS")
    assert answer.headers["connection"] == "close"


def test_malformed_http_is_logged_with_the_ids_of_its_answer(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "image_erase")
    body = json.loads(exchange(server.client.address, MALFORMED["no HTTP"]).content)
    ids = body["request_id"], body["log_id"]
    logged = [(vars(record).get("request_id"), vars(record).get("log_id")) for record in caplog.records]
    assert logged.count(ids) == 1


@pytest.mark.parametrize("bad", [b"zz\r\nxx\r\n", b"-1\r\n\r\n", b"5\r\nabcdefgh\r\n"])
def test_malformed_chunk(server: Server, bad: bytes) -> None:
    """The request is understood, its body then is not."""
    answer = exchange(server.client.address, head_of(PATH, headers(Transfer_Encoding="chunked")) + bad)
    assert_failure(answer, "ERROR_PARAMETERS")


def test_the_server_goes_on_after_malformed_http(server: Server) -> None:
    assert_success(server.client.erase(), server.base)


@pytest.mark.parametrize("key", [None, "", " ", "\t", "unknown"])
@pytest.mark.parametrize("expect", [{}, {"Expect": "100-continue"}])
def test_key_is_refused_before_the_body_is_sent(server: Server, key: str | None, expect: dict[str, str]) -> None:
    own = headers(Content_Length="1000000", **expect)
    own.pop("ailabapi-api-key")
    own |= {} if key is None else {"ailabapi-api-key": key}
    with connected(server.client.address) as connection:
        connection.sendall(head_of(PATH, own))
        assert connection.recv(12) == b"HTTP/1.1 401"


def test_key_is_refused_with_the_envelope_before_the_body_is_sent(server: Server) -> None:
    own = headers(Content_Length="1000000") | {"ailabapi-api-key": "unknown"}
    with connected(server.client.address) as connection:
        connection.sendall(head_of(PATH, own))
        assert_failure(read_answer(connection), "ERROR_APPLICATIONS_NOT_EXISTS")


def test_who_has_a_key_is_told_to_continue(server: Server) -> None:
    with connected(server.client.address) as connection:
        connection.sendall(head_of(PATH, headers(Content_Length=str(len(BODY)), Expect="100-continue")))
        assert connection.recv(12) == b"HTTP/1.1 100"
        connection.sendall(BODY)
        rest = b""
        while b'"data"' not in rest:
            rest += connection.recv(65536)
        assert b"HTTP/1.1 200" in rest


@pytest.mark.parametrize("more", [{}, {"Connection": "close"}, {"Connection": "keep-alive"}])
@pytest.mark.parametrize("announced", [True, False])
def test_body_too_large_is_answered_though_the_client_reads_only_when_it_has_sent(
    server: Server, more: dict[str, str], announced: bool
) -> None:
    body = body_of([part('form-data; name="notes"', bytes(20 * MEGABYTE))])
    length = {"Content_Length": str(len(body))} if announced else {"Transfer_Encoding": "chunked"}
    with connected(server.client.address) as connection:
        connection.sendall(head_of(PATH, headers(**length, **more)))
        connection.sendall(body if announced else chunked(body, 65536))
        assert_failure(read_answer(connection), "ERROR_REQUEST_BODY_TOO_LARGE")
        assert read_to_end(connection) == b""


def test_unknown_key_is_answered_though_the_client_sends_all_first(server: Server) -> None:
    own = headers(Content_Length=str(20 * MEGABYTE)) | {"ailabapi-api-key": "unknown"}
    with connected(server.client.address) as connection:
        connection.sendall(head_of(PATH, own))
        connection.sendall(bytes(20 * MEGABYTE))
        assert_failure(read_answer(connection), "ERROR_APPLICATIONS_NOT_EXISTS")


def test_unknown_path_is_answered_though_the_client_sends_all_first(server: Server) -> None:
    with connected(server.client.address) as connection:
        connection.sendall(head_of("/upload", headers(Content_Length=str(20 * MEGABYTE))))
        connection.sendall(bytes(20 * MEGABYTE))
        assert_failure(read_answer(connection), "ERROR_AI_NOT_EXISTS")


def test_too_large_is_said_while_the_client_still_sends(server: Server) -> None:
    """The limit stands while the body arrives, not after: here it never ends."""
    said = threading.Event()

    def send(connection: socket.socket) -> None:
        filler = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        while not said.is_set():
            try:
                connection.sendall(filler)
            except OSError:
                return

    with connected(server.client.address) as connection:
        start = part('form-data; name="notes"', b"")
        connection.sendall(head_of(PATH, headers(Transfer_Encoding="chunked")))
        connection.sendall(b"%x\r\n%b\r\n" % (len(start) + 26, b"------boundary0123456789\r\n" + start))
        sender = threading.Thread(target=send, args=(connection,))
        sender.start()
        try:
            assert_failure(read_answer(connection), "ERROR_REQUEST_BODY_TOO_LARGE")
        finally:
            said.set()
            connection.shutdown(socket.SHUT_RDWR)
            sender.join(60)


def test_file_too_large_is_said_before_the_rest_is_there(server: Server) -> None:
    start = b"------boundary0123456789\r\n" + file_part("image", bytes(3 * MEGABYTE + 1))
    with connected(server.client.address) as connection:
        connection.sendall(head_of(PATH, headers(Content_Length=str(6 * MEGABYTE))) + start)
        assert_failure(read_answer(connection), "FILE_SIZE_EXCEEDS_LIMIT", "image")


def test_slow_reader_gets_the_whole_answer(server: Server) -> None:
    body = body_of([part('form-data; name="notes"', bytes(20 * MEGABYTE))])
    with connected(server.client.address, receive_buffer=2048) as connection:
        connection.sendall(head_of(PATH, headers(Content_Length=str(len(body)), Connection="close")))
        connection.sendall(body)
        pieces = []
        while piece := connection.recv(1):
            pieces.append(piece)
    head, _, content = b"".join(pieces).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413")
    assert content.endswith(b"}}")


def test_bytes_arriving_one_at_a_time(server: Server) -> None:
    with connected(server.client.address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = head_of(PATH, headers(Content_Length=str(len(BODY)))) + BODY
        for at in range(len(data)):
            connection.send(data[at : at + 1])
        assert_success(read_answer(connection), "http://127.0.0.1")


def test_chunked_one_byte_each_with_extension_and_trailer(server: Server) -> None:
    coded = b"".join(b"1;name=value\r\n%b\r\n" % BODY[at : at + 1] for at in range(len(BODY)))
    coded += b"0\r\nX-Trailer: 1\r\n\r\n"
    answer = exchange(server.client.address, head_of(PATH, headers(Transfer_Encoding="chunked")) + coded)
    assert_success(answer, "http://127.0.0.1")


def test_http_1_0_without_host(server: Server) -> None:
    own = headers(Content_Length=str(len(BODY)))
    own.pop("Host")
    answer = exchange(server.client.address, head_of(PATH, own, version="HTTP/1.0") + BODY)
    url = assert_success(answer, server.base)
    assert server.client.get(url).status_code == 200


def test_connection_is_kept_for_the_next_request(server: Server) -> None:
    request = head_of(PATH, headers(Content_Length=str(len(BODY)))) + BODY
    wrong = head_of(PATH, headers(Content_Length="3", Content_Type="text/plain")) + b"abc"
    with connected(server.client.address) as connection:
        connection.sendall(request)
        assert_success(read_answer(connection), "http://127.0.0.1")
        connection.sendall(head_of("/nowhere", {"Host": "x"}, "GET"))
        assert_failure(read_answer(connection, "GET"), "ERROR_AI_NOT_EXISTS")
        connection.sendall(request)
        assert_success(read_answer(connection), "http://127.0.0.1")
        connection.sendall(wrong)
        assert_failure(read_answer(connection), "ERROR_PARAMETERS")


def test_requests_sent_together_are_answered_in_turn(server: Server) -> None:
    request = head_of(PATH, headers(Content_Length=str(len(BODY)))) + BODY
    with connected(server.client.address) as connection:
        connection.sendall(request + head_of("/nowhere", {"Host": "x", "Connection": "close"}, "GET"))
        answers = read_to_end(connection)
    first, _, second = answers.partition(b"HTTP/1.1 404")
    assert first.startswith(b"HTTP/1.1 200")
    assert b'"image_url"' in first
    assert b"ERROR_AI_NOT_EXISTS" in second


def test_who_is_still_sending_when_the_server_has_to_stop_is_told_so(start_server: StartServer) -> None:
    own: Server = start_server(stop_seconds=1)
    with connected(own.client.address) as connection:
        connection.sendall(head_of(PATH, headers(Content_Length=str(len(BODY)))) + BODY[:100])
        assert own.client.get("/healthz").status_code == 200
        own.ask_to_stop()
        answer = read_answer(connection)
    code = json.loads(answer.content)["error_code_str"]
    assert code in ("UNKNOWN_ERROR", "ERROR_INSUFFICIENT_RESOURCES")
    assert_failure(answer, code)


def test_keys_of_two_headers(client: Client, server: Server) -> None:
    """Which of two keys counts is not said; that one unknown key next to a known one is no way in must be."""
    own = headers(Content_Length=str(len(BODY)))
    own.pop("ailabapi-api-key")
    data = head_of(PATH, own)[:-2] + b"ailabapi-api-key: unknown\r\nailabapi-api-key: unknown2\r\n\r\n" + BODY
    answer: RawAnswer = exchange(server.client.address, data)
    assert_failure(answer, "ERROR_APPLICATIONS_NOT_EXISTS")
