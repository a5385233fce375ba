"""The doctor checks result links through a proxy."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from image_erase.cli import main
from image_erase.doctor import Level
from image_erase.doctor.proxy import proxy
from support.certificates import Certificate, certificate
from support.ports import free_port
from support.server import Server, StartServer


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("certificate"))


@contextmanager
def front(own: Server, files: Certificate, *lines: str) -> Iterator[str]:
    """The URL of a proxy that ends TLS and adds header lines, for one request at a time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)
    more = "".join(f"\r\n{line}" for line in ("Connection: close", *lines)).encode()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                with context.wrap_socket(listener.accept()[0], server_side=True) as client:
                    first, _, rest = client.recv(65536).partition(b"\r\nConnection: keep-alive")
                    with socket.create_connection(own.client.address) as server:
                        server.sendall(first + more + rest)
                        while piece := server.recv(65536):
                            client.sendall(piece)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://localhost:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(20)


@pytest.fixture(scope="module")
def own(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("storage"), trusted_proxies=("127.0.0.1",)) as running:
        yield running


def test_a_proxy_that_does_not_pass_the_scheme(own: Server, files: Certificate) -> None:
    with front(own, files) as url:
        found = proxy(url, files.client)
    assert found.level is Level.WRONG
    assert "'http://localhost:" in found.says
    assert "X-Forwarded-Proto" in found.says


def test_one_that_does(own: Server, files: Certificate) -> None:
    with front(own, files, "X-Forwarded-Proto: https") as url:
        assert proxy(url + "/", files.client).level is Level.OK


def test_one_that_is_not_trusted(server: Server, files: Certificate) -> None:
    with front(server, files, "X-Forwarded-Proto: https") as url:
        assert "ERASE_TRUSTED_PROXIES" in proxy(url, files.client).says


@pytest.mark.parametrize(
    ("line", "word"), [("X-Forwarded-Host: other.example", "the host"), ("X-Forwarded-Prefix: /x", "path prefix")]
)
def test_other_differences(own: Server, files: Certificate, line: str, word: str) -> None:
    with front(own, files, "X-Forwarded-Proto: https", line) as url:
        found = proxy(url, files.client)
    assert found.level is Level.WRONG
    assert word in found.says


def test_a_public_url_that_clients_do_not_use(start_server: StartServer) -> None:
    own: Server = start_server(public_url="https://erase.example.com")
    assert proxy(own.base).level is Level.WRONG


def test_no_proxy_at_all(server: Server) -> None:
    assert proxy(server.base).level is Level.OK


def test_nobody_there() -> None:
    found = proxy(f"http://127.0.0.1:{free_port()}")
    assert found.level is Level.WRONG
    assert "does not answer" in found.says


@pytest.mark.parametrize("url", ["", "nonsense", "http://[", "ftp://x"])
def test_no_url(url: str) -> None:
    assert proxy(url).level is Level.WRONG


def test_a_path_that_is_blocked(server: Server) -> None:
    found = proxy(server.base + "/nowhere")
    assert found.level is Level.WARNING
    assert "answers 404" in found.says


def test_the_command_asks(server: Server, tmp_path: Path) -> None:
    environment = {"ERASE_STORAGE_URL": tmp_path.as_uri(), "ERASE_PORT": "0", "ERASE_WORKERS": "1"}
    done = CliRunner().invoke(main, ["doctor", "--url", server.base], env=environment)
    assert f"ok       proxy: result links begin with {server.base}" in done.output
