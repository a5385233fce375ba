"""Two copies behind the packaged load balancer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from support.balancer import HAPROXY, PROXY, Balancer, Names
from support.envelope import assert_failure, assert_success
from support.family import PLAIN
from support.pictures import boxed, file_of, photo_file
from support.ports import free_port
from support.processes import until
from support.raw import connected, head_of, read_answer
from support.server import KEY, PATH, Client, Server, continue_workers, files

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed")
MIB = 1 << 20


class Cluster(NamedTuple):
    """Two copies on one storage, the names they are found by, and the balancer before them."""

    copies: list[Server]
    names: Names
    balancer: Balancer

    @property
    def client(self) -> Client:
        return self.balancer.client


@pytest.fixture(scope="module")
def cluster(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """server: asked for so that its workers are there before, and not taken for those of a copy."""
    storage = tmp_path_factory.mktemp("storage")
    with ExitStack() as stack:
        yield open_cluster(stack, storage)


def open_cluster(stack: ExitStack, storage: Path) -> Cluster:
    addresses, port = ("127.0.0.2", "127.0.0.3"), free_port()
    copies = []
    for address in addresses:
        copy = Server(storage, address=(address, port), metrics=True, trusted_proxies=("127.0.0.0/8",), stop_seconds=1)
        copies.append(stack.enter_context(copy))
    names = stack.enter_context(Names(addresses))
    balancer = stack.enter_context(Balancer(storage, names, port))
    until(lambda: balancer.up(2), "both copies are found and ready")
    return Cluster(copies, names, balancer)


def from_proxy(cluster: Cluster, headers: dict[str, str], address: str) -> httpx.Response:
    """An erasing that comes from an address of this machine."""
    transport = httpx.HTTPTransport(local_address=address)
    with httpx.Client(base_url=cluster.balancer.base, transport=transport, timeout=60) as client:
        return client.post(PATH, files=files(), headers={"ailabapi-api-key": KEY, **headers})


def test_erases_and_hands_out_the_result(cluster: Cluster) -> None:
    link = assert_success(cluster.client.erase(), cluster.balancer.base)
    for _ in range(4):  # whichever copy made it, both have it
        assert cluster.client.get(link).status_code == 200
    until(lambda: len(set(cluster.balancer.used()) - {"<NOSRV>"}) == 2, "both copies have answered")


def test_the_copy_with_fewer_requests_gets_the_next(cluster: Cluster) -> None:
    """Taking turns, every other request would wait for the workers that stand."""
    stopped = cluster.copies[1].stop_workers()
    try:
        waiting = [cluster.client.start_erase() for _ in range(2)]
        until(lambda: any(one.done() for one in waiting), "one has gone to the other copy")
        for _ in range(4):
            assert_success(cluster.client.erase(), cluster.balancer.base)
        assert not all(one.done() for one in waiting)
    finally:
        continue_workers(stopped)
    for one in waiting:
        assert_success(one.result(60), cluster.balancer.base)


def test_the_largest_body_passes(cluster: Cluster) -> None:
    image, mask = (data + bytes(5 * MIB - len(data)) for data in (photo_file("JPEG"), file_of(boxed(), "JPEG")))
    answer = cluster.client.request("POST", PLAIN.path, files=files(image, mask, "mask"))
    assert_success(answer, cluster.balancer.base)


def test_a_body_too_large_is_refused_by_the_copy(cluster: Cluster) -> None:
    headers = {
        "Host": "balancer",
        "ailabapi-api-key": KEY,
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": str(100 * MIB),
    }
    with connected(cluster.client.address) as connection:
        connection.sendall(head_of(PLAIN.path, headers))
        assert_failure(read_answer(connection), "ERROR_REQUEST_BODY_TOO_LARGE")


def test_a_wrong_key_is_answered_before_the_body(cluster: Cluster) -> None:
    headers = {"Host": "balancer", "ailabapi-api-key": "wrong", "Content-Length": str(MIB)}
    with connected(cluster.client.address) as connection:
        connection.sendall(head_of(PATH, headers))
        assert_failure(read_answer(connection), "ERROR_APPLICATIONS_NOT_EXISTS")


@pytest.mark.parametrize("path", ["/metrics", "/%6detrics", "/metrics?a=b"])
def test_the_numbers_stay_inside(cluster: Cluster, path: str) -> None:
    assert b"image_erase_jobs_waiting" in cluster.copies[0].client.get(path).content
    assert_failure(cluster.client.get(path), "ERROR_AI_NOT_EXISTS")


def test_a_trusted_proxy_says_scheme_and_host(cluster: Cluster) -> None:
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "erase.example.com", "X-Forwarded-For": "192.0.2.7"}
    assert_success(from_proxy(cluster, said, PROXY), "https://erase.example.com")


def test_nobody_else_does(cluster: Cluster) -> None:
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example.com", "X-Forwarded-For": "192.0.2.7"}
    assert_success(from_proxy(cluster, said, "127.0.0.1"), cluster.balancer.base)


@pytest.mark.parametrize(("address", "client"), [(PROXY, "192.0.2.7"), ("127.0.0.1", "127.0.0.1")])
def test_the_copies_learn_who_asks(
    cluster: Cluster, caplog: pytest.LogCaptureFixture, address: str, client: str
) -> None:
    caplog.set_level("INFO")
    from_proxy(cluster, {"X-Forwarded-For": "192.0.2.7"}, address)

    def asked() -> list[str]:
        return [vars(record)["client"] for record in caplog.records if getattr(record, "path", "") == PATH]

    until(asked, "the copy has logged the request")
    assert asked() == [client]


def test_the_log_names_no_path_and_no_key(cluster: Cluster) -> None:
    link = assert_success(cluster.client.erase(), cluster.balancer.base)
    cluster.client.get(link + "?query=here")
    seen = cluster.balancer.used()
    cluster.client.get("/healthz")
    until(lambda: len(cluster.balancer.used()) > len(seen), "the log is written")
    assert " GET 200 " in cluster.balancer.log()
    for secret in ("results", PATH, link.rpartition("/")[2], "query=here", KEY):
        assert secret not in cluster.balancer.log()


def test_a_copy_that_stops_costs_no_request(server: Server, tmp_path: Path) -> None:
    """It refuses connections long before a check or the name service says so."""
    with ExitStack() as stack:
        cluster = open_cluster(stack, tmp_path / "storage-of-two")
        copy = cluster.copies[1]
        copy.ask_to_stop()
        until(lambda: not copy.workers(), "the copy has stopped")
        for _ in range(6):
            assert_success(cluster.client.erase(), cluster.balancer.base)
        cluster.names.addresses.remove(copy.client.address[0])
        until(lambda: cluster.balancer.up(1), "the other copy is left")


def test_none_is_ready(tmp_path: Path) -> None:
    with Names() as names, Balancer(tmp_path, names, free_port()) as balancer:
        answer = balancer.client.erase()
        assert_failure(answer, "ERROR_INSUFFICIENT_RESOURCES", "No server is ready.")
        assert answer.headers["retry-after"] == "5"
        other = balancer.client.erase()
        assert answer.json()["request_id"] != other.json()["request_id"]


class Breaking:
    """A copy that is ready and goes away over every POST."""

    def __init__(self) -> None:
        self.posts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "Breaking":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                head = connection.recv(65536)
                if head.startswith(b"POST"):
                    self.posts += 1
                else:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def test_a_post_that_may_have_begun_is_never_sent_again(tmp_path: Path) -> None:
    with Breaking() as copy, Names(["127.0.0.1"]) as names, Balancer(tmp_path, names, copy.port) as balancer:
        until(lambda: balancer.client.get("/readyz").status_code == 200, "the copy is found")
        answer = balancer.client.request("POST", PATH, content=b"{}")
        assert_failure(answer, "UNKNOWN_ERROR", "The server went away.", status=502)
        assert copy.posts == 1
