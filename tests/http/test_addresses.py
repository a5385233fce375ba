"""The scheme and host of result links."""

from collections.abc import Iterator

import pytest

from support.envelope import assert_failure, assert_success
from support.multipart import body_of, content_type, file_part
from support.pictures import mask_file, photo_file
from support.processes import until
from support.raw import RawAnswer, exchange, head_of
from support.server import KEY, PATH, Client, Server, StartServer

BODY = body_of([file_part("image", photo_file()), file_part("user_mask", mask_file())])


def post_as(server: Server, host: str, **more: str) -> RawAnswer:
    headers = {
        "Host": host,
        "Content-Type": content_type(),
        "ailabapi-api-key": KEY,
        "Content-Length": str(len(BODY)),
        "Connection": "close",
    } | {name.replace("_", "-"): value for name, value in more.items()}
    return exchange(server.client.address, head_of(PATH, headers) + BODY)


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "example.com:8080",
        "EXAMPLE.com",
        "localhost:8000",
        "192.0.2.1",
        "[::1]",
        "[2001:db8::1]:8443",
        "erase.internal.",
        "erase_server:8000",
        "xn--bcher-kva.example",
    ],
)
def test_host_of_the_client(server: Server, host: str) -> None:
    url = assert_success(post_as(server, host), f"http://{host}")
    assert server.client.get(url.removeprefix(f"http://{host}")).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example/path",
        "evil.example?x",
        "evil.example#x",
        "user@evil.example",
        "a b",
        "<script>",
        'a"b',
        "a\\b",
        "a,b",
        "example.com:port",
        "example.com:99999",
        "example.com:",
        ":80",
        "[::1",
        "[::::]",
        "[1:2:3]",
        "[::1.2.3.400]",
        "::1",
        "[not-an-address]",
        "-",
        "%41",
        "b\xfccher.example",
        "a" * 300,
    ],
)
def test_host_that_no_url_can_have(server: Server, host: str) -> None:
    assert_failure(post_as(server, host), "ERROR_PARAMETERS", "Host")


def test_empty_host_is_the_address_called(server: Server) -> None:
    assert_success(post_as(server, ""), server.base)


def test_forwarded_headers_are_not_believed(server: Server) -> None:
    forged = {
        "X_Forwarded_Proto": "https",
        "X_Forwarded_Host": "evil.example",
        "X_Forwarded_For": "203.0.113.9",
        "X_Forwarded_Port": "99",
        "Forwarded": "host=evil.example;proto=https",
    }
    assert_success(post_as(server, "example.com", **forged), "http://example.com")


@pytest.fixture(scope="module")
def own(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("storage"), trusted_proxies=("127.0.0.0/8",)) as running:
        yield running


class TestTrustedProxy:
    def test_scheme(self, own: Server) -> None:
        assert_success(post_as(own, "example.com", X_Forwarded_Proto="https"), "https://example.com")
        assert_success(post_as(own, "example.com", X_Forwarded_Proto="http"), "http://example.com")
        assert_success(post_as(own, "example.com"), "http://example.com")

    @pytest.mark.parametrize("scheme", ["javascript", "ftp", "https://evil.example", ""])
    def test_scheme_that_is_none(self, own: Server, scheme: str) -> None:
        assert_success(post_as(own, "example.com", X_Forwarded_Proto=scheme), "http://example.com")

    def test_host(self, own: Server) -> None:
        answer = post_as(own, "backend:8000", X_Forwarded_Host="erase.example.com", X_Forwarded_Proto="https")
        assert_success(answer, "https://erase.example.com")

    def test_host_as_the_first_of_several_proxies_saw_it(self, own: Server) -> None:
        answer = post_as(own, "backend", X_Forwarded_Host="erase.example.com, inner.example.com")
        assert_success(answer, "http://erase.example.com")

    def test_host_that_no_url_can_have(self, own: Server) -> None:
        assert_failure(post_as(own, "backend", X_Forwarded_Host="evil.example/x"), "ERROR_PARAMETERS")

    def test_address_of_the_client_is_logged(self, own: Server, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO", "image_erase")
        post_as(own, "example.com", X_Forwarded_For="203.0.113.9")
        until(lambda: "203.0.113.9" in [vars(record).get("client") for record in caplog.records], "it is logged")


def test_another_address_is_no_trusted_proxy(start_server: StartServer) -> None:
    own = start_server(trusted_proxies=("192.0.2.0/24",))
    answer = post_as(own, "example.com", X_Forwarded_Proto="https", X_Forwarded_Host="evil.example")
    assert_success(answer, "http://example.com")


@pytest.mark.parametrize("public_url", ["https://erase.example.com", "https://example.com/erase/"])
def test_public_url(start_server: StartServer, public_url: str) -> None:
    own = start_server(public_url=public_url)
    base = public_url.rstrip("/")
    for host in ("whatever.example", "evil.example/x", ""):
        url = assert_success(post_as(own, host, X_Forwarded_Host="evil.example"), base)
    assert own.client.get(url.removeprefix(base)).status_code == 200


def test_link_is_fetched_as_it_was_given(client: Client, server: Server) -> None:
    url = assert_success(client.erase(), server.base)
    assert client.get(url).status_code == 200


@pytest.mark.parametrize("scheme", ["wss", "ws", "ftp", "javascript", "", "HTTPS", "https,http"])
def test_forwarded_scheme_is_http_or_nothing(own: Server, scheme: str) -> None:
    answer = own.client.erase(headers={"X-Forwarded-Proto": scheme, "Host": "erase.example"})
    wanted = "https" if scheme.lower().startswith("https") else "http"
    assert_success(answer, f"{wanted}://erase.example")
