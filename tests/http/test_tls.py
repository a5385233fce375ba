"""HTTPS by certificate files: the same limits as without, on uvloop's and asyncio's transports."""

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from image_erase.doctor import Finding, Level
from image_erase.doctor import certificate as examine_certificate
from image_erase.greeting import greeting
from image_erase.health import ask
from image_erase.http.limits import Limits
from image_erase.listening import tls_context
from image_erase.reloading import Connections
from image_erase.settings import SettingsError, load_settings
from support.certificates import Certificate, certificate
from support.envelope import assert_failure, assert_success
from support.multipart import body_of, content_type, file_part
from support.pictures import mask_file, noise_file
from support.ports import free_port
from support.processes import until
from support.raw import connected, head_of, read_answer, read_to_end
from support.server import KEY, PATH, Server, StartServer

#: A client that handshakes and sends has more time than this even on a slow machine.
HEAD_SECONDS, SHORT = 3.0, 0.5
IMPATIENT = Limits(head_seconds=HEAD_SECONDS, stall_seconds=SHORT, linger_seconds=SHORT)
GET = head_of("/healthz", {"Host": "localhost"}, "GET")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def on_loop(loop: str, storage: Path, files: Certificate, **settings: Any) -> Server:
    every: dict[str, Any] = settings | files.settings
    own = Server(storage, **every)
    own._server.config.loop = loop
    return own


@pytest.fixture(scope="module")
def own(loop: str, server: Server, files: Certificate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with on_loop(loop, tmp_path_factory.mktemp("storage"), files) as running:
        yield running


@pytest.fixture(scope="module")
def impatient(
    loop: str, server: Server, files: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that soon times everything out."""
    with on_loop(loop, tmp_path_factory.mktemp("storage"), files, limits=IMPATIENT) as running:
        yield running


@contextmanager
def encrypted(own: Server, files: Certificate, receive_buffer: int | None = None) -> Iterator[ssl.SSLSocket]:
    with (
        connected(own.client.address, receive_buffer) as connection,
        files.client.wrap_socket(connection, server_hostname="localhost") as wrapped,
    ):
        yield wrapped


def none_is_open(own: Server) -> None:
    until(lambda: not own.connections, "the connection is closed")


def test_pictures_are_erased_and_links_are_https(own: Server, files: Certificate) -> None:
    url = assert_success(own.client.erase(), own.base)
    assert url.startswith("https://127.0.0.1:")
    with httpx.Client(verify=files.client, trust_env=False) as client:
        assert client.get(url).status_code == 200
        assert client.get(url).status_code == 200  # on the same connection


def large_result(own: Server) -> str:
    """The link of a result of 2.7 MB."""
    size = (900, 1000)
    return assert_success(own.client.erase(noise_file(size), mask_file(size)), own.base)


def test_a_large_result_arrives_whole(own: Server) -> None:
    url = large_result(own)
    found = own.client.get(url)
    assert len(found.content) == int(found.headers["content-length"]) > 1_000_000


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(own: Server, files: Certificate, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cadata=pem_of(files))
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        connected(own.client.address) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as tls,
    ):
        tls.sendall(GET)
        assert read_answer(tls, "GET").status_code == 200
        assert tls.selected_alpn_protocol() == "http/1.1"


def pem_of(files: Certificate) -> str:
    return "".join(ssl.DER_cert_to_PEM_cert(each) for each in files.client.get_ca_certs(binary_form=True))


def test_requests_on_one_connection(own: Server, files: Certificate) -> None:
    with encrypted(own, files) as connection:
        for _ in range(3):
            connection.sendall(GET)
            assert read_answer(connection, "GET").status_code == 200
        connection.sendall(head_of("/healthz", {"Host": "x", "Connection": "close"}, "GET"))
        assert read_answer(connection, "GET").headers["connection"] == "close"
        assert connection.recv(1) == b""
    none_is_open(own)


def test_a_refused_upload_gets_its_answer(own: Server, files: Certificate) -> None:
    body = body_of([file_part("image", bytes(8_000_000))])
    headers = {"Host": "x", "Content-Type": content_type(), "ailabapi-api-key": KEY, "Content-Length": str(len(body))}
    with encrypted(own, files) as connection:
        connection.sendall(GET)  # its answer comes behind the tickets of TLS
        assert read_answer(connection, "GET").status_code == 200
        send_until_answered(connection, head_of(PATH, headers) + body)
        answer = read_answer(connection)
    assert answer.status_code == 413
    none_is_open(own)


def send_until_answered(connection: ssl.SSLSocket, data: bytes) -> None:
    """Send in pieces, until there is something to read. In one thread: two may not use an SSL socket at once."""
    pieces = (data[at : at + 16384] for at in range(0, len(data), 16384))
    while not select.select([connection], [], [], 0)[0] and (piece := next(pieces, b"")):
        connection.sendall(piece)


@pytest.mark.hostile
@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_a_handshake_that_does_not_end_or_fails_is_closed(impatient: Server, sent: bytes) -> None:
    with connected(impatient.client.address) as connection:
        connection.sendall(sent)
        assert not ended(connection).startswith(b"HTTP")
    none_is_open(impatient)


@pytest.mark.hostile
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_client_that_leaves_in_its_handshake_leaves_nothing(own: Server, files: Certificate, share: float) -> None:
    hello = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        files.client.wrap_bio(ssl.MemoryBIO(), hello).do_handshake()
    sent = hello.read()
    for _ in range(5):
        with connected(own.client.address) as connection:
            connection.sendall(sent[: int(share * len(sent))])
    until(lambda: not own.connections, "the connections are closed")
    until(lambda: not own._server.server_state.tasks, "their handshakes have ended")


@pytest.mark.hostile
def test_a_head_that_does_not_end_gets_408(impatient: Server, files: Certificate) -> None:
    with encrypted(impatient, files) as connection:
        connection.sendall(GET[:-2])
        assert read_answer(connection, "GET").status_code == 408
        assert connection.recv(1) == b""
    none_is_open(impatient)


def test_a_malformed_request_gets_400(own: Server, files: Certificate) -> None:
    with encrypted(own, files) as connection:
        connection.sendall(b"\x00\r\n\r\n")
        assert read_answer(connection, "GET").status_code == 400
    none_is_open(own)


@pytest.mark.hostile
def test_a_client_that_does_not_answer_the_close_is_closed(impatient: Server, files: Certificate) -> None:
    with encrypted(impatient, files) as connection:
        connection.sendall(head_of("/healthz", {"Host": "x", "Connection": "close"}, "GET"))
        none_is_open(impatient)  # while this end has read nothing


@pytest.mark.hostile
def test_a_client_that_reads_nothing_is_reset(impatient: Server, files: Certificate) -> None:
    url = large_result(impatient)
    with encrypted(impatient, files, receive_buffer=4096) as connection:
        connection.sendall(head_of(url.removeprefix(impatient.base), {"Host": "x"}, "GET") * 8)
        none_is_open(impatient)


def test_a_client_that_reads_slowly_gets_it_all(own: Server, files: Certificate) -> None:
    url = large_result(own)
    expected = own.client.get(url).content
    with encrypted(own, files, receive_buffer=65536) as connection:
        connection.sendall(head_of(url.removeprefix(own.base), {"Host": "x", "Connection": "close"}, "GET"))
        assert read_answer(connection, "GET").content == expected


@pytest.mark.hostile
def test_a_client_that_leaves_cancels_its_job(own: Server, files: Certificate) -> None:
    headers = {"Host": "x", "Content-Type": content_type(), "ailabapi-api-key": KEY, "Content-Length": "1000"}
    with encrypted(own, files) as connection:
        connection.sendall(head_of(PATH, headers) + b"--")
        until(lambda: own.connections and own.connections[0].state.name == "REQUEST", "the request is there")
    none_is_open(own)


def test_one_connection_too_many_ends_the_idle_one(start_server: StartServer, files: Certificate) -> None:
    own: Server = start_server(connections=3, **files.settings)
    idle = [socket.create_connection(own.client.address) for _ in range(8)]
    try:
        until(lambda: len(own.connections) == 3, "as many as may be are open")
        assert_success(own.client.erase(), own.base)
        until(lambda: len(own.connections) <= 3, "the oldest are closed")
    finally:
        for each in idle:
            each.close()


def test_the_port_for_metrics_stays_plain(start_server: StartServer, files: Certificate) -> None:
    port = free_port()
    own: Server = start_server(address=("127.0.0.1", port), metrics_port=port, **files.settings)
    assert httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).status_code == 200
    assert own.connections is not None


class TestCertificates:
    def test_are_replaced_for_new_connections(self, start_server: StartServer, tmp_path: Path) -> None:
        first = certificate(tmp_path)
        own: Server = start_server(**first.settings)
        shared = own._server.config.http.keywords["shared"]  # type: ignore[union-attr]
        with encrypted(own, first) as kept:
            second = certificate(tmp_path)
            Connections(shared).prepare(load_settings(**second.settings))()
            kept.sendall(GET)
            assert read_answer(kept, "GET").status_code == 200
            with encrypted(own, second) as connection:
                connection.sendall(GET)
                assert read_answer(connection, "GET").status_code == 200
            with pytest.raises(ssl.SSLCertVerificationError), encrypted(own, first):
                pass

    def test_must_fit_their_key(self, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        one, other = certificate(tmp_path), certificate(tmp_path / "other")
        with pytest.raises(SettingsError, match=r"^ERASE_TLS_CERTIFICATE, ERASE_TLS_KEY: .*mismatch"):
            tls_context(load_settings(tls_certificate=one.chain, tls_key=other.key))

    @pytest.mark.parametrize("content", [b"", b"no PEM"])
    def test_must_be_certificates(self, tmp_path: Path, content: bytes) -> None:
        one = certificate(tmp_path)
        one.chain.write_bytes(content)
        with pytest.raises(SettingsError, match=r"^ERASE_TLS_CERTIFICATE, ERASE_TLS_KEY: "):
            tls_context(load_settings(**one.settings))

    def test_come_with_a_key_and_over_tcp(self, tmp_path: Path) -> None:
        one = certificate(tmp_path)
        with pytest.raises(SettingsError, match="must be set together"):
            load_settings(tls_certificate=one.chain)
        with pytest.raises(SettingsError, match="a Unix socket does not use TLS"):
            load_settings(host="unix:/x", **one.settings)


def test_failures_have_the_vendors_form(own: Server) -> None:
    assert_failure(own.client.erase(key="unknown"), "ERROR_APPLICATIONS_NOT_EXISTS")


def test_health_and_the_line_to_paste_use_https(own: Server, files: Certificate, tmp_path: Path) -> None:
    environment = {"ERASE_PORT": str(own.client.address[1]), "ERASE_TLS_CERTIFICATE": str(files.chain)}
    assert ask("/readyz", environment) is None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        line, *_ = greeting("127.0.0.1", listener, "key", tmp_path, page=True, tls=True)
    assert "https://127.0.0.1:" in line
    assert line.endswith(" --insecure")


class TestDoctor:
    def finding(self, files: Certificate, now: float | None = None) -> Finding:
        return examine_certificate(load_settings(**files.settings), now)

    def test_a_valid_certificate(self, files: Certificate) -> None:
        found = self.finding(files)
        assert found.level is Level.OK
        assert "valid until" in found.says

    def test_one_that_expires_soon(self, tmp_path: Path) -> None:
        soon = datetime.now(UTC) + timedelta(days=3, hours=12)
        found = self.finding(certificate(tmp_path, soon))
        assert found.level is Level.WARNING
        assert "expires in 3 days" in found.says

    def test_one_that_has_expired(self, tmp_path: Path) -> None:
        found = self.finding(certificate(tmp_path, datetime.now(UTC) - timedelta(days=1)))
        assert found.level is Level.WRONG
        assert "expired" in found.says

    def test_one_that_will_have_expired_by_then(self, files: Certificate) -> None:
        assert self.finding(files, now=4e10).level is Level.WRONG

    def test_one_that_is_not_the_keys(self, files: Certificate, tmp_path: Path) -> None:
        other = certificate(tmp_path)
        found = examine_certificate(load_settings(tls_certificate=files.chain, tls_key=other.key))
        assert found.level is Level.WRONG
        assert "mismatch" in found.says


def ended(connection: socket.socket) -> bytes:
    """What comes until the connection ends, also by a reset."""
    try:
        return read_to_end(connection)
    except ConnectionResetError:
        return b""
