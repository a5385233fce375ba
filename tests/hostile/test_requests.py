"""Hostile requests. None is answered with a 5xx, and none keeps a place."""

import os
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from support.envelope import assert_failure, assert_success
from support.multipart import BOUNDARY, body_of, content_type, file_part, part
from support.pictures import mask_file, photo_file
from support.raw import RawAnswer, chunked, connected, exchange, head_of, read_answer, read_to_end
from support.server import KEY, PATH, Server

PARTS = [file_part("image", photo_file()), file_part("user_mask", mask_file())]
BODY = body_of(PARTS)


def headers(body: bytes = BODY, **more: str) -> dict[str, str]:
    return {
        "Host": "x",
        "Content-Type": content_type(),
        "ailabapi-api-key": KEY,
        "Content-Length": str(len(body)),
    } | {name.replace("_", "-"): value for name, value in more.items()}


def post(server: Server, body: bytes, **more: str) -> RawAnswer:
    return exchange(server.client.address, head_of(PATH, headers(body, **more)) + body)


@pytest.fixture(autouse=True)
def _keeps_serving(server: Server) -> Iterator[None]:
    yield
    assert server.client.waiting() == 0
    assert_success(server.client.erase(), server.base)


class TestLength:
    def test_stands_twice(self, server: Server) -> None:
        both = headers(Transfer_Encoding="chunked")
        answer = exchange(server.client.address, head_of(PATH, both) + chunked(BODY))
        assert_failure(answer, "ERROR_PARAMETERS", "Content-Length")
        assert answer.headers["connection"] == "close"

    def test_smuggled_request_is_not_served(self, server: Server) -> None:
        inner = head_of("/healthz", {"Host": "x"}, "GET")
        outer = head_of(PATH, headers(b"", Transfer_Encoding="chunked") | {"Content-Length": "4"})
        with connected(server.client.address) as connection:
            connection.sendall(outer + b"0\r\n\r\n" + inner)
            answers = read_to_end(connection)
        assert answers.count(b"HTTP/1.1 ") == 1

    @pytest.mark.parametrize("coding", ["chunked, chunked", "gzip, chunked", "identity", "chunked\x0b", "xchunked"])
    def test_of_other_codings(self, server: Server, coding: str) -> None:
        own = headers(Transfer_Encoding=coding)
        own.pop("Content-Length")
        answer = exchange(server.client.address, head_of(PATH, own) + chunked(BODY))
        assert 400 <= answer.status_code < 502
        assert_failure(answer, "ERROR_PARAMETERS", status=answer.status_code)

    def test_greater_than_the_body(self, server: Server) -> None:
        with connected(server.client.address) as connection:
            connection.sendall(head_of(PATH, headers() | {"Content-Length": str(len(BODY) + 10)}) + BODY)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(65536)

    def test_less_than_the_body(self, server: Server) -> None:
        answer = exchange(
            server.client.address, head_of(PATH, headers() | {"Content-Length": str(len(BODY) - 20)}) + BODY
        )
        assert_failure(answer, "ERROR_PARAMETERS")

    @pytest.mark.parametrize("length", ["99999999999999999999999", "9" * 20, "1" * 5000, "+5", "5 5", "0x10", "5,6"])
    def test_that_is_none(self, server: Server, length: str) -> None:
        answer = exchange(server.client.address, head_of(PATH, headers() | {"Content-Length": length}) + BODY)
        assert answer.status_code in (400, 413)

    @pytest.mark.parametrize("size", ["ffffffffffffffffffff", "7fffffffffffffff", "00000000000000000000000000001"])
    def test_of_a_chunk(self, server: Server, size: str) -> None:
        own = headers(Transfer_Encoding="chunked")
        own.pop("Content-Length")
        with connected(server.client.address) as connection:
            connection.sendall(head_of(PATH, own) + size.encode() + b"\r\nabc")
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        assert not answer.startswith(b"HTTP/1.1 5")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_body_that_stops_in_the_middle(server: Server, share: float) -> None:
    stored = len(server.results)
    with connected(server.client.address) as connection:
        connection.sendall(head_of(PATH, headers()) + BODY[: int(len(BODY) * share)])
        connection.shutdown(socket.SHUT_RDWR)
    assert server.client.waiting() == 0
    assert len(server.results) == stored


class TestHead:
    @pytest.mark.parametrize("count", [1, 100, 20_000])
    def test_of_200_kilobytes(self, server: Server, count: int) -> None:
        filler = b"".join(b"X-%d: %b\r\n" % (n, b"a" * (200_000 // count)) for n in range(count))
        head = head_of(PATH, headers())[:-2] + filler + b"\r\n"
        answer = exchange(server.client.address, head + BODY)
        assert_failure(answer, "ERROR_PARAMETERS")

    def test_as_large_as_browsers_make_them(self, server: Server) -> None:
        assert_success(post(server, BODY, Cookie="c" * 8000), "http://x")

    @pytest.mark.parametrize("line", [b"Host", b": x", b" folded: x", b"a\0b: x", b"\x80: x", b"a: \x80\r\n\tfolded"])
    def test_of_odd_lines(self, server: Server, line: bytes) -> None:
        head = head_of(PATH, headers())[:-2] + line + b"\r\n\r\n"
        assert exchange(server.client.address, head + BODY).status_code in (200, 400)

    @pytest.mark.parametrize("method", ["G" * 1000, "PRI", "TRACE", "CONNECT", "post", "M-SEARCH"])
    def test_of_odd_methods(self, server: Server, method: str) -> None:
        answer = exchange(server.client.address, head_of(PATH, {"Host": "x"}, method))
        assert 400 <= answer.status_code < 500

    @pytest.mark.parametrize(
        "target", ["*", "x", "//x//", "/%00", "/%ff%fe", "/..%2f..%2fetc/passwd", "/" + "a" * 9000, "?", "/\\", "/%"]
    )
    def test_of_odd_targets(self, server: Server, target: str) -> None:
        answer = exchange(server.client.address, head_of(target, {"Host": "x"}, "GET"), "GET")
        assert 400 <= answer.status_code < 500


class TestAbsoluteForm:
    def test_is_served_and_its_host_is_the_host(self, server: Server) -> None:
        head = head_of(f"http://named.example:81{PATH}?a=b", headers() | {"Host": "other.example"})
        assert_success(exchange(server.client.address, head + BODY), "http://named.example:81")

    def test_of_a_result(self, server: Server) -> None:
        url = assert_success(server.client.erase(), server.base)
        answer = exchange(server.client.address, head_of(url, {"Host": "x"}, "GET"), "GET")
        assert answer.status_code == 200
        assert answer.content.startswith(b"\x89PNG")

    @pytest.mark.parametrize("target", ["http://x", "HTTP://x/", "https://x/?"])
    def test_of_the_root(self, server: Server, target: str) -> None:
        answer = exchange(server.client.address, head_of(target, {"Host": "x"}, "GET"), "GET")
        assert answer.status_code == 200
        assert answer.content.startswith(b"<!doctype html>")

    @pytest.mark.parametrize(
        "target", ["http://x/none", "http://", "http:///", "http://" + PATH, "https://x/none?", "ftp://x/"]
    )
    def test_of_nothing(self, server: Server, target: str) -> None:
        answer = exchange(server.client.address, head_of(target, {"Host": "x"}, "GET"), "GET")
        assert_failure(answer, "ERROR_AI_NOT_EXISTS")

    @pytest.mark.parametrize("host", ["user@evil.example", "[::::]", "a b", "%41"])
    def test_with_a_host_that_no_url_can_have(self, server: Server, host: str) -> None:
        answer = exchange(server.client.address, head_of(f"http://{host}{PATH}", headers()) + BODY)
        assert_failure(answer, "ERROR_PARAMETERS")


class TestMultipart:
    def test_of_10000_parts(self, server: Server) -> None:
        body = body_of([b"Content-Disposition: form-data; name=a\r\n\r\n"] * 10_000)
        assert_failure(post(server, body), "ERROR_PARAMETERS", "parts")

    def test_of_a_part_with_10000_headers(self, server: Server) -> None:
        body = body_of([b"".join(b"a%d: b\r\n" % n for n in range(10_000)) + b"\r\n", *PARTS])
        assert post(server, body).status_code in (200, 400)

    @pytest.mark.parametrize(
        "boundary",
        ["-", "--", "a" * 70, "'()+_,-./:=?", "0", "a b", "x" * 300, "\x7f", "a;b", 'a\\"b', "Ä", "", " ", "\t"],
    )
    def test_boundaries(self, server: Server, boundary: str) -> None:
        for kind in (f"multipart/form-data; boundary={boundary}", f'multipart/form-data; boundary="{boundary}"'):
            delimiter = b"--" + boundary.encode("latin-1")
            body = b"".join(delimiter + b"\r\n" + one + b"\r\n" for one in PARTS) + delimiter + b"--\r\n"
            answer = exchange(server.client.address, head_of(PATH, headers(body) | {"Content-Type": kind}) + body)
            assert answer.status_code in (200, 400), boundary

    @pytest.mark.parametrize(
        "kind",
        [
            "multipart/form-data; boundary=a; boundary=" + BOUNDARY,
            "multipart/form-data;" * 500,
            "multipart/form-data; boundary*=utf-8''" + BOUNDARY,
            "multipart/form-data; boundary*0=a; boundary*1=b",
            "multipart/mixed; boundary=" + BOUNDARY,
            "multipart/form-data; ;;=;=; boundary",
            ";",
        ],
    )
    def test_content_types(self, server: Server, kind: str) -> None:
        answer = exchange(server.client.address, head_of(PATH, headers() | {"Content-Type": kind}) + BODY)
        assert answer.status_code in (200, 400)

    @pytest.mark.parametrize(
        "filename",
        ["../../../../etc/passwd", "/etc/passwd", "a\0b.png", "..\\..\\x", "a" * 20_000, "\r", "", '\\"', "con", "%00"],
    )
    def test_filenames_lead_nowhere(self, server: Server, filename: str) -> None:
        body = body_of([file_part("image", photo_file(), filename), file_part("user_mask", mask_file(), filename)])
        before = set(os.listdir(server.storage))
        answer = post(server, body)
        assert answer.status_code in (200, 400)
        assert set(os.listdir(server.storage)) == before

    @pytest.mark.parametrize("name", ["image\0", "IMAGE", "image[]", "../image", "__proto__", ""])
    def test_names_that_are_not_the_fields(self, server: Server, name: str) -> None:
        body = body_of([file_part(name, photo_file()), file_part("user_mask", mask_file())])
        assert_failure(post(server, body), "MISSING_PARAMETERS", "image")

    @pytest.mark.parametrize(
        "disposition", ["", "attachment", "form-data; name", "form-data; name=" + "a" * 30_000, ";"]
    )
    def test_dispositions(self, server: Server, disposition: str) -> None:
        answer = post(server, body_of([part(disposition, b"x"), PARTS[1]]))
        assert 400 <= answer.status_code < 500

    def test_spoiled_at_random(self, server: Server) -> None:
        random = np.random.default_rng(23)
        for _ in range(150):
            body = bytearray(BODY)
            for _ in range(random.integers(1, 6)):
                at = random.integers(0, len(body))
                end = at + random.integers(0, 20)
                body[at:end] = random.choice([b"", b"\r\n", b"--" + BOUNDARY.encode(), b"\0", random.bytes(9)])
            answer = post(server, bytes(body))
            assert answer.status_code < 500, bytes(body)


class TestPipelining:
    def test_of_many(self, server: Server) -> None:
        requests = (head_of(PATH, headers()) + BODY) * 5 + head_of("/nowhere", {"Host": "x", "Connection": "close"})
        with connected(server.client.address) as connection:
            connection.sendall(requests)
            answers = read_to_end(connection)
        assert answers.count(b"HTTP/1.1 200") == 5
        assert answers.count(b"HTTP/1.1 404") == 1

    def test_rubbish_behind_a_request(self, server: Server) -> None:
        with connected(server.client.address) as connection:
            connection.sendall(head_of(PATH, headers()) + BODY + b"rubbish\r\n\r\n")
            assert_success(read_answer(connection), "http://x")

    def test_bad_requests_in_a_row(self, server: Server) -> None:
        bad = head_of(PATH, headers(b"x" * 50)) + b"x" * 50
        with connected(server.client.address) as connection:
            for _ in range(20):
                connection.sendall(bad)
                assert_failure(read_answer(connection), "ERROR_PARAMETERS")


def test_forged_headers_are_not_believed(server: Server) -> None:
    forged = {f"X-Forwarded-{name}": "evil.example" for name in ("For", "Host", "Proto", "Port", "Prefix", "Server")}
    forged |= {"Forwarded": "for=evil;host=evil.example;proto=https", "X-Real-IP": "evil", "X-Original-URL": "/evil"}
    own = headers() | forged
    assert_success(exchange(server.client.address, head_of(PATH, own) + BODY), "http://x")
