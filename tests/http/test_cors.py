"""CORS: preflights, and Access-Control-Allow-Origin on every answer."""

from collections.abc import Iterator

import httpx
import pytest

from support.envelope import assert_failure, assert_success
from support.server import KEY, PATH, Client, Server

PAGE = "https://shop.example.com"


def preflight(client: Client, path: str = PATH, method: str = "POST", **headers: str) -> httpx.Response:
    wanted = {"Origin": PAGE, "Access-Control-Request-Method": method} | headers
    return client.request("OPTIONS", path, key=None, headers=wanted)


def listed(value: str) -> set[str]:
    return {item.strip().lower() for item in value.split(",")}


def test_preflight_of_the_endpoint(client: Client) -> None:
    answer = preflight(client, **{"Access-Control-Request-Headers": "ailabapi-api-key"})
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "post" in listed(answer.headers["access-control-allow-methods"])
    assert "ailabapi-api-key" in listed(answer.headers["access-control-allow-headers"])


def test_preflight_with_other_headers_besides(client: Client) -> None:
    answer = preflight(client, **{"Access-Control-Request-Headers": "ailabapi-api-key,x-requested-with"})
    assert {"ailabapi-api-key", "x-requested-with"} <= listed(answer.headers["access-control-allow-headers"])


def test_preflight_without_headers(client: Client) -> None:
    answer = preflight(client)
    assert answer.status_code in (200, 204)
    assert "ailabapi-api-key" in listed(answer.headers["access-control-allow-headers"])


def test_preflight_of_a_result(client: Client, server: Server) -> None:
    url = assert_success(client.erase(), server.base)
    answer = preflight(client, url, "GET", **{"Access-Control-Request-Headers": "range"})
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "get" in listed(answer.headers["access-control-allow-methods"])


def test_options_that_is_no_preflight(client: Client) -> None:
    answer = client.request("OPTIONS", PATH, key=None)
    assert_failure(answer, "ERROR_ILLEGAL_OPERATION", status=405)
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("origin", [{}, {"Origin": PAGE}, {"Origin": "null"}])
def test_every_answer_is_for_every_origin(client: Client, server: Server, origin: dict[str, str]) -> None:
    erased = client.erase(headers=origin)
    url = assert_success(erased, server.base)
    picture = client.get(url, headers=origin)
    etag = picture.headers["etag"]
    answers = {
        200: erased,
        201: picture,
        206: client.get(url, headers={"Range": "bytes=0-1", **origin}),
        304: client.get(url, headers={"If-None-Match": etag, **origin}),
        416: client.get(url, headers={"Range": "bytes=9999999-", **origin}),
        401: client.erase(key=None, headers=origin),
        403: client.get(url[:-1], headers=origin),
        404: client.get("/nowhere", headers=origin),
        405: client.get(PATH, headers=origin),
        415: client.erase(b"no picture", headers=origin),
        202: client.get("/healthz", headers=origin),
    }
    for status, answer in answers.items():
        assert answer.status_code == status or status in (201, 202)
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.fixture(scope="module")
def own(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    origins = (PAGE, "https://other.example.com")
    with Server(tmp_path_factory.mktemp("storage"), cors_origins=origins) as running:
        yield running


class TestOriginsOfTheOperator:
    @pytest.mark.parametrize("origin", [PAGE, "https://other.example.com"])
    def test_listed(self, own: Server, origin: str) -> None:
        answer = own.client.erase(headers={"Origin": origin})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert "origin" in listed(answer.headers["vary"])
        picture = own.client.get(answer.json()["data"]["image_url"], headers={"Origin": origin})
        assert picture.headers["access-control-allow-origin"] == origin

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", PAGE + ".evil.example", "http://shop.example.com", "null"]
    )
    def test_not_listed(self, own: Server, origin: str) -> None:
        for answer in (own.client.erase(headers={"Origin": origin}), preflight(own.client, Origin=origin)):
            assert "access-control-allow-origin" not in answer.headers
            assert "origin" in listed(answer.headers["vary"])

    def test_preflight(self, own: Server) -> None:
        answer = preflight(own.client)
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "origin" in listed(answer.headers["vary"])

    def test_without_origin_the_answer_still_varies(self, own: Server) -> None:
        answer = own.client.request("GET", "/nowhere", key=KEY)
        assert "access-control-allow-origin" not in answer.headers
        assert "origin" in listed(answer.headers["vary"])
