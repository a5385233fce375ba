"""The outermost layer: every request is logged and counted once, and answered with the operator's CORS policy."""

import logging
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from image_erase.http.edge import MAX_LOGGED_PATH, loggable_path
from support.envelope import assert_failure, assert_success
from support.processes import until
from support.raw import connected, exchange, head_of, read_answer
from support.server import PATH, Server, StartServer

PAGE = "https://shop.example.com"
PREFLIGHT = {"Host": "x", "Origin": PAGE, "Access-Control-Request-Method": "POST"}


def lines(caplog: pytest.LogCaptureFixture, **wanted: object) -> list[dict[str, Any]]:
    """The facts of the request lines that have all of `wanted`."""
    facts = [vars(record) for record in caplog.records if record.name == "image_erase.request"]
    return [one for one in facts if all(one.get(name) == value for name, value in wanted.items())]


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "image_erase")


@pytest.fixture(scope="module")
def own(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("storage"), cors_origins=(PAGE,)) as running:
        yield running


class TestPreflight:
    def test_is_logged(self, server: Server, caplog: pytest.LogCaptureFixture) -> None:
        answer = exchange(server.client.address, head_of(PATH, PREFLIGHT, "OPTIONS"), "OPTIONS")
        assert answer.status_code == 204
        until(lambda: lines(caplog, method="OPTIONS", status=204, path=PATH), "it is logged")

    def test_is_counted(self, start_server: StartServer) -> None:
        own: Server = start_server(metrics=True)
        for _ in range(3):
            exchange(own.client.address, head_of(PATH, PREFLIGHT, "OPTIONS"), "OPTIONS")
        counted = 'image_erase_requests_total{code="",endpoint="none",status="204"} 3.0'
        until(lambda: counted in own.client.get("/metrics").text, "all are counted")


class TestOriginsOfTheOperator:
    """What the layers refuse by themselves says no more about origins than every other answer."""

    @pytest.mark.parametrize(
        "data",
        [
            b"this is no HTTP\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\n\r\n",
        ],
    )
    def test_malformed(self, own: Server, data: bytes) -> None:
        answer = exchange(own.client.address, data, "GET")
        assert answer.status_code == 400
        assert answer.headers["access-control-allow-origin"] is None
        assert answer.headers["vary"] == "Origin"

    @pytest.mark.parametrize("target", ["/nowhere", PATH])
    @pytest.mark.parametrize(("origin", "allowed"), [(PAGE, PAGE), ("https://evil.example", None)])
    def test_failure(self, own: Server, target: str, origin: str, allowed: str | None) -> None:
        answer = exchange(own.client.address, head_of(target, {"Host": "x", "Origin": origin}), "POST")
        assert answer.status_code in (401, 404)
        assert answer.headers.get_all("access-control-allow-origin") == (allowed and [allowed])
        assert answer.headers.get_all("vary") == ["Origin"]


class TestLoggedPath:
    @pytest.mark.parametrize(
        "before", ["/", "//", "///", "/a/", "/.//", "http://x/", "/%2f", "/Results/", "/x//RESULTS//"]
    )
    def test_has_no_token(self, server: Server, caplog: pytest.LogCaptureFixture, before: str) -> None:
        url = assert_success(server.client.erase(), server.base)
        token = url.removeprefix(server.base).split("/")[2]
        target = url.removeprefix(server.base).replace("/results/", f"{before}results//")
        caplog.clear()
        exchange(server.client.address, head_of(target, {"Host": "x"}, "GET"), "GET")
        until(lambda: lines(caplog, method="GET"), "it is logged")
        assert not [line for line in lines(caplog) if token in str(line)]

    def test_is_cut(self, server: Server, caplog: pytest.LogCaptureFixture) -> None:
        exchange(server.client.address, head_of("/" + "a%c3%a9" * 9000, {"Host": "x"}, "GET"), "GET")
        until(lambda: lines(caplog, method="GET"), "it is logged")
        (line,) = lines(caplog, method="GET")
        assert len(line["path"]) == MAX_LOGGED_PATH + 1
        assert line["path"].endswith("…")

    @pytest.mark.parametrize(
        ("path", "logged"),
        [
            ("/", "/"),
            ("//results//TOKEN//date/file.png", "/results/-/date/file.png"),
            ("/prefix/results/TOKEN/date/file.png", "/prefix/results/-/date/file.png"),
            ("/results", "/results"),
            ("/results/", "/results"),
            ("*", "*"),
        ],
    )
    def test_form(self, path: str, logged: str) -> None:
        assert loggable_path(path) == logged


def test_a_missing_key_is_answered_with_a_challenge(server: Server) -> None:
    """401 says how to ask (RFC 9110, 11.6.1); some HTTP clients fail without it."""
    with connected(server.client.address) as connection:
        connection.sendall(head_of(PATH, {"Host": "x", "Content-Length": "0"}))
        answer = read_answer(connection)
    assert_failure(answer, "ERROR_USER_NOT_EXISTS")
    assert answer.headers["www-authenticate"] == 'ApiKey realm="image-erase"'


class TestQuietPaths:
    def test_are_logged_for_who_looks_for_a_fault(self, server: Server, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "image_erase")
        for path in ("/healthz", "/readyz"):
            assert server.client.get(path).status_code == 200
            until(partial(lines, caplog, path=path), "it is logged")
            (line,) = lines(caplog, path=path)
            assert line["levelno"] == logging.DEBUG

    def test_are_logged_where_they_fail(self, server: Server, caplog: pytest.LogCaptureFixture) -> None:
        assert server.client.get("/metrics").status_code == 404
        until(lambda: lines(caplog, path="/metrics", status=404, levelno=logging.INFO), "it is logged")


class TestRequestId:
    @pytest.mark.parametrize("given", ["x", "0af7651916cd43dd8448eb211c80319c", "a.b_c~d:/+=@-Z", "q" * 128])
    def test_that_is_valid_is_taken_over(self, server: Server, caplog: pytest.LogCaptureFixture, given: str) -> None:
        answer = server.client.request("POST", PATH, key="unknown", headers={"X-Request-Id": given})
        assert answer.headers["x-request-id"] == answer.json()["request_id"] == given
        until(lambda: lines(caplog, request_id=given), "it is logged")

    @pytest.mark.parametrize("given", ["", "two words", "q" * 129, 'quote"', "<b>", "a,b", "{}"])
    def test_that_is_not_valid_is_replaced(self, server: Server, given: str) -> None:
        answer = server.client.request("POST", PATH, key="unknown", headers={"X-Request-Id": given})
        said = answer.json()["request_id"]
        assert str(uuid.UUID(said)).upper() == said
        assert answer.headers.get_list("x-request-id") == [said]

    @pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/nowhere", 404), ("/", 200)])
    def test_is_in_every_answer(self, server: Server, path: str, status: int) -> None:
        answers = [server.client.get(path) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [status] * 2
        assert len({answer.headers["x-request-id"] for answer in answers}) == 2
