"""Health, readiness, and the API's description of itself."""

import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from support.documents import resolved
from support.envelope import assert_failure, assert_success
from support.processes import refuses, until
from support.server import PATH, Client, Server, StartServer


def test_health_needs_no_key(client: Client) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


def test_readiness_needs_no_key(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["workers"] == 1
    assert answer.json()["waiting"] == 0


def test_not_ready_while_the_store_cannot_be_written(start_server: StartServer) -> None:
    own: Server = start_server()
    own.break_store()
    assert_failure(own.client.get("/readyz"), "ERROR_INSUFFICIENT_RESOURCES")
    assert own.client.get("/healthz").status_code == 200
    own.mend_store()
    assert own.client.get("/readyz").status_code == 200


def test_a_probe_leaves_nothing_behind(start_server: StartServer) -> None:
    own: Server = start_server()
    own.client.get("/readyz")
    assert own.results == []


def test_ready_again_after_the_only_worker_was_killed(start_server: StartServer) -> None:
    own: Server = start_server()
    (pid,) = own.workers()
    os.kill(pid, signal.SIGKILL)
    until(lambda: own.workers() - {pid}, "the worker is replaced")
    until(lambda: own.client.get("/readyz").status_code == 200, "the server is ready")


class TestStopDelay:
    """A server that is to stop says so, and serves on until those who send it requests had time to see it."""

    def test_serves_on_but_is_not_ready(self, start_server: StartServer) -> None:
        own: Server = start_server(stop_delay_seconds=5)
        kept = assert_success(own.client.erase(), own.base)
        assert "connection" not in own.client.get("/healthz").headers
        own.ask_to_stop()
        until(lambda: own.client.get("/readyz").status_code == 503, "the server says that it stops")
        assert_failure(own.client.get("/readyz"), "ERROR_INSUFFICIENT_RESOURCES", "stopping")
        answer = own.client.erase()
        assert_success(answer, own.base)
        assert answer.headers["connection"] == "close"
        assert own.client.get(kept).status_code == 200
        assert own.client.get("/healthz").status_code == 200

    def test_does_not_last(self, start_server: StartServer) -> None:
        own: Server = start_server(stop_delay_seconds=0.3)
        own.ask_to_stop()
        until(lambda: refuses(own.client.address), "nobody new is let in")


def document(client: Client) -> dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def test_openapi_describes_the_request(client: Client) -> None:
    whole = document(client)
    assert list(whole["paths"][PATH]) == ["post"]
    operation = whole["paths"][PATH]["post"]
    body = operation["requestBody"]
    assert body["required"] is True
    (kind,) = body["content"]
    assert kind == "multipart/form-data"
    schema = resolved(whole, body["content"][kind]["schema"])
    assert set(schema["required"]) == {"image", "user_mask"}
    assert {"image", "user_mask"} <= set(schema["properties"])
    (requirement,) = operation["security"]
    (scheme,) = requirement
    described = whole["components"]["securitySchemes"][scheme]
    assert (described["type"], described["in"], described["name"]) == ("apiKey", "header", "ailabapi-api-key")


def test_openapi_describes_the_answers_that_come(client: Client) -> None:
    whole = document(client)
    responses = whole["paths"][PATH]["post"]["responses"]
    assert "422" not in responses or "HTTPValidationError" not in str(responses["422"])
    for answer, key in ((client.erase(), "200"), (client.erase(key=None), "default")):
        schema = resolved(whole, responses[key]["content"]["application/json"]["schema"])
        body = answer.json()
        assert set(schema["properties"]) == set(body)
        assert schema["properties"]["error_code"]["type"] == "integer"
        assert schema["properties"]["log_id"]["type"] == "string"
        detail = resolved(whole, schema["properties"]["error_detail"])
        assert set(detail["properties"]) == set(body["error_detail"])


def test_openapi_knows_the_results(client: Client) -> None:
    paths = document(client)["paths"]
    (path,) = [path for path in paths if path.startswith("/results/")]
    assert {"get", "head"} <= set(paths[path])


def test_documentation_is_a_page(client: Client) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


def test_openapi_is_generated_from_the_routes(client: Client) -> None:
    """Nothing is added to it afterwards, so that what FastAPI knows of a route is what the document says."""
    whole = document(client)
    plain = {"/erase", "/select", "/images"}  # whose failures have a form of their own
    assert plain <= set(whole["paths"])
    operations = [one for path, each in whole["paths"].items() if path not in plain for one in each.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    failure = {"$ref": "#/components/schemas/Failure"}
    assert all(
        operation["responses"]["default"]["content"]["application/json"]["schema"] == failure
        for operation in operations
    )
    assert {"get", "head"} == set(whole["paths"]["/healthz"]) == set(whole["paths"]["/readyz"])


def test_a_path_prefix(start_server: StartServer) -> None:
    """Behind a proxy that publishes the server under a path and removes that from requests."""
    prefix = "/below/it"
    own: Server = start_server(public_url=f"https://example.com{prefix}")
    linked = re.findall(rf"""(?:href=|src=|url: )["']{prefix}(/[^"']+)["']""", own.client.get("/docs").text)
    assert "/openapi.json" in linked
    assert len(linked) == 4
    assert {own.client.get(path).status_code for path in linked} == {200}
    assert document(own.client)["servers"] == [{"url": prefix}]

    url = assert_success(own.client.erase(), f"https://example.com{prefix}")
    assert own.client.get(url.removeprefix(f"https://example.com{prefix}")).status_code == 200
    assert own.client.get("/").status_code == 200
    assert own.client.get("/page/limits.json").status_code == 200
    assert_failure(own.client.request("GET", PATH), "ERROR_ILLEGAL_OPERATION", status=405)
    assert_failure(own.client.get("/none"), "ERROR_AI_NOT_EXISTS")


PREFIX = "/below/it"


@pytest.fixture(scope="module", params=["setting", "header"])
def below(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, dict[str, str]]]:
    by_header = request.param == "header"
    settings = {"trusted_proxies": ("127.0.0.1",)} if by_header else {"root_path": f"{PREFIX}/"}
    with Server(tmp_path_factory.mktemp("storage"), **settings) as own:
        yield own, {"X-Forwarded-Prefix": f"{PREFIX}/"} if by_header else {}


class TestPrefixWithoutAnAddress:
    """The host of links is the client's; the prefix is a setting, or what a trusted proxy says."""

    def test_is_in_links_and_documentation(self, below: tuple[Server, dict[str, str]]) -> None:
        own, headers = below
        url = assert_success(own.client.erase(headers=headers), own.base + PREFIX)
        assert own.client.get(url.removeprefix(own.base + PREFIX), headers=headers).status_code == 200
        assert f"{PREFIX}/openapi.json" in own.client.get("/docs", headers=headers).text
        for path in ("/", "/page/limits.json", "/healthz"):
            assert own.client.get(path, headers=headers).status_code == 200

    @pytest.mark.parametrize("prefix", ["//evil.example", "/a/../b?c", "no", "/a b", "/%2e", "/x" * 17, "/"])
    def test_that_is_none_is_ignored(self, below: tuple[Server, dict[str, str]], prefix: str) -> None:
        own, headers = below
        if headers:
            assert_success(own.client.erase(headers={"X-Forwarded-Prefix": prefix}), own.base)

    def test_from_anybody_else_is_not_believed(self, server: Server) -> None:
        assert_success(server.client.erase(headers={"X-Forwarded-Prefix": PREFIX}), server.base)
