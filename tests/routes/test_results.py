"""Result links: content, headers, expiry, and refusals."""

import io
import re
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from support.envelope import assert_failure, assert_success
from support.pictures import boxed, file_of, mask_file, noise_file, photo, photo_file
from support.processes import until
from support.raw import connected, head_of
from support.server import KEY, Client, Server, StartServer

DAY = 24 * 3600


@pytest.fixture(scope="module")
def url(server: Server) -> str:
    return assert_success(server.client.erase(), server.base)


@pytest.fixture(scope="module")
def whole(server: Server, url: str) -> bytes:
    answer = server.client.get(url)
    assert answer.status_code == 200
    return answer.content


class TestFetched:
    def test_get(self, client: Client, url: str, whole: bytes) -> None:
        answer = client.get(url)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/png"
        assert int(answer.headers["content-length"]) == len(whole) == len(answer.content)
        assert "transfer-encoding" not in answer.headers
        assert "content-encoding" not in answer.headers
        with Image.open(io.BytesIO(answer.content)) as image:
            assert image.size == (64, 48)

    def test_head(self, client: Client, url: str) -> None:
        got, head = client.get(url), client.request("HEAD", url, key=None)
        assert head.status_code == 200
        assert head.content == b""
        without_date = [
            {k: v for k, v in answer.headers.items() if k not in ("date", "x-request-id")} for answer in (got, head)
        ]
        assert without_date[0] == without_date[1]

    def test_a_key_does_no_harm(self, client: Client, url: str) -> None:
        for key in (KEY, "unknown"):
            assert client.request("GET", url, key=key).status_code == 200

    def test_protective_headers(self, client: Client, url: str) -> None:
        headers = client.get(url).headers
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "sandbox" in policy
        assert "default-src 'none'" in policy
        assert headers["accept-ranges"] == "bytes"
        assert headers.get("cross-origin-resource-policy") in (None, "cross-origin")

    @pytest.mark.parametrize(
        ("format", "suffix", "kind", "start"),
        [
            ("JPEG", "jpg", "image/jpeg", b"\xff\xd8\xff"),
            ("PNG", "png", "image/png", b"\x89PNG\r\n\x1a\n"),
            ("BMP", "png", "image/png", b"\x89PNG\r\n\x1a\n"),
            ("WEBP", "png", "image/png", b"\x89PNG\r\n\x1a\n"),
        ],
    )
    def test_format(self, client: Client, server: Server, format: str, suffix: str, kind: str, start: bytes) -> None:
        url = assert_success(client.erase(photo_file(format)), server.base, suffix)
        answer = client.get(url)
        assert answer.headers["content-type"] == kind
        assert answer.content.startswith(start)
        assert urlsplit(url).query == ""

    def test_two_results_have_two_links(self, client: Client, server: Server) -> None:
        links = {assert_success(client.erase(), server.base) for _ in range(2)}
        assert len(links) == 2

    def test_uploads_are_not_stored(self, start_server: StartServer) -> None:
        own = start_server()
        url = assert_success(own.client.erase(), own.base)
        (kept,) = own.results
        assert Path(kept).read_bytes() == own.client.get(url).content
        below = {path for path in own.storage.rglob("*") if path.is_file() and path != kept}
        assert all(path.stat().st_size < 200 for path in below), "something of the upload is on disk"


class TestConditional:
    def test_etag(self, client: Client, url: str) -> None:
        etags = {client.get(url).headers["etag"] for _ in range(2)}
        assert len(etags) == 1
        assert re.fullmatch(r'"[^"]+"', etags.pop())

    def test_none_match(self, client: Client, url: str, whole: bytes) -> None:
        got = client.get(url)
        etag = got.headers["etag"]
        for value in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            for method in ("GET", "HEAD"):
                answer = client.request(method, url, key=None, headers={"If-None-Match": value})
                assert answer.status_code == 304
                assert answer.content == b""
                assert answer.headers["etag"] == etag
                assert answer.headers["cache-control"] == got.headers["cache-control"]
        for value in ('"other"', etag.strip('"'), "W/x", ""):
            answer = client.get(url, headers={"If-None-Match": value})
            assert answer.status_code == 200
            assert answer.content == whole

    def test_none_match_wins_over_range(self, client: Client, url: str) -> None:
        etag = client.get(url).headers["etag"]
        assert client.get(url, headers={"If-None-Match": etag, "Range": "bytes=0-1"}).status_code == 304


class TestRange:
    @pytest.mark.parametrize(
        ("header", "part"),
        [
            ("bytes=0-0", slice(0, 1)),
            ("bytes=0-99", slice(0, 100)),
            ("bytes=100-199", slice(100, 200)),
            ("bytes=100-", slice(100, None)),
            ("bytes=-100", slice(-100, None)),
            ("bytes=0-", slice(0, None)),
            ("bytes=10-99999999", slice(10, None)),
            ("bytes=-99999999", slice(0, None)),
            ("Bytes=5-9", slice(5, 10)),
        ],
    )
    def test_part(self, client: Client, url: str, whole: bytes, header: str, part: slice) -> None:
        answer = client.get(url, headers={"Range": header})
        start, stop, _ = part.indices(len(whole))
        assert answer.status_code == 206
        assert answer.content == whole[part]
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
        assert int(answer.headers["content-length"]) == stop - start
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["etag"] == client.get(url).headers["etag"]

    @pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=99999999-999999999", "bytes=-0"])
    def test_beyond_the_end(self, client: Client, url: str, whole: bytes, header: str) -> None:
        answer = client.get(url, headers={"Range": header})
        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{len(whole)}"
        assert_failure(answer, answer.json()["error_code_str"], status=416)

    @pytest.mark.parametrize(
        "header",
        ["bytes=", "bytes=-", "bytes=5-2", "lines=0-1", "bytes=a-b", "bytes=0-1,5-6", "0-5", "bytes=" + "9" * 4000],
    )
    def test_what_is_no_single_range_is_ignored(self, client: Client, url: str, whole: bytes, header: str) -> None:
        answer = client.get(url, headers={"Range": header})
        assert answer.status_code == 200
        assert answer.content == whole

    def test_head_has_no_range(self, client: Client, url: str, whole: bytes) -> None:
        """RFC 9110 §14.2: a server must ignore Range for any method but GET."""
        answer = client.request("HEAD", url, key=None, headers={"Range": "bytes=0-1"})
        assert answer.status_code == 200
        assert int(answer.headers["content-length"]) == len(whole)

    def test_if_range(self, client: Client, url: str, whole: bytes) -> None:
        etag = client.get(url).headers["etag"]
        for condition, status in (
            (etag, 206),
            ('"other"', 200),
            (f"W/{etag}", 200),
            ("Sun, 22 Nov 2026 00:00:00 GMT", 200),
        ):
            answer = client.get(url, headers={"Range": "bytes=0-9", "If-Range": condition})
            assert answer.status_code == status
            assert answer.content == (whole[:10] if status == 206 else whole)


ALTERED = {
    "expiry later": lambda g, token, d, f: (g, f"{int(token[:10]) + 86400}{token[10:]}", d, f),
    "expiry earlier": lambda g, token, d, f: (g, f"{int(token[:10]) - 1}{token[10:]}", d, f),
    "signature's first character": lambda g, token, d, f: (
        g,
        token[:11] + ("A" if token[11] != "A" else "B") + token[12:],
        d,
        f,
    ),
    "signature's last character": lambda g, token, d, f: (g, token[:-1] + ("A" if token[-1] != "A" else "B"), d, f),
    "signature cut off": lambda g, token, d, f: (g, token[:-1], d, f),
    "signature longer": lambda g, token, d, f: (g, token + "A", d, f),
    "signature in capitals": lambda g, token, d, f: (g, token.swapcase(), d, f),
    "no signature": lambda g, token, d, f: (g, token[:10], d, f),
    "day": lambda g, token, d, f: (g, token, "2020-01-01", f),
    "day in other digits": lambda g, token, d, f: (g, token, d.replace("-", "_"), f),
    "hour": lambda g, token, d, f: (g, token, d, "99" + f[2:]),
    "uuid": lambda g, token, d, f: (g, token, d, f[:7] + str(uuid.uuid4()) + f[43:]),
    "unix": lambda g, token, d, f: (g, token, d, re.sub(r"\d{10}\.", "1000000000.", f)),
    "suffix": lambda g, token, d, f: (g, token, d, f.replace(".png", ".jpg")),
    "suffix unknown": lambda g, token, d, f: (g, token, d, f.replace(".png", ".svg")),
    "file in capitals": lambda g, token, d, f: (g, token, d, f.upper()),
    "file with more": lambda g, token, d, f: (g, token, d, f + "x"),
    "file encoded traversal": lambda g, token, d, f: (g, token, d, "..%5c..%5csigning-key"),
    "file null": lambda g, token, d, f: (g, token, d, f + "%00"),
    "file newline": lambda g, token, d, f: (g, token, d, f + "%0a"),
}


class TestRefused:
    @pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED.keys())
    def test_altered(self, client: Client, server: Server, url: str, alter: Callable[..., Iterable[str]]) -> None:
        pieces = url.removeprefix(server.base + "/").split("/")
        altered = server.base + "/" + "/".join(alter(*pieces))
        assert altered != url
        assert_failure(client.get(altered), "ERROR_ILLEGAL_OPERATION")

    def test_group_altered(self, client: Client, server: Server, url: str) -> None:
        assert_failure(client.get(url.replace("/results/", "/result/")), "ERROR_AI_NOT_EXISTS")

    def test_segments_of_two_links_mixed(self, client: Client, server: Server, url: str) -> None:
        other = assert_success(client.erase(), server.base)
        mine, its = url.split("/"), other.split("/")
        for at in (4, 6):
            mixed = [*mine[:at], its[at], *mine[at + 1 :]]
            assert_failure(client.get("/".join(mixed)), "ERROR_ILLEGAL_OPERATION")

    @pytest.mark.parametrize("encode", [lambda file: file.replace("-", "%2D"), lambda file: file.replace(".", "%2e")])
    def test_the_same_link_written_otherwise_is_the_same(
        self, client: Client, url: str, encode: Callable[[str], str]
    ) -> None:
        head, _, file = url.rpartition("/")
        assert client.get(f"{head}/{encode(file)}").status_code in (200, 403)

    @pytest.mark.parametrize(
        "path",
        [
            "/results/signing-key",
            "/results/../signing-key",
            "/results/%2e%2e/signing-key",
            "/results/..%2fsigning-key",
            "/results/x/%2e%2e/%2e%2e/signing-key",
            "/results/x/..%2f..%2fsigning-key",
            "/storage/signing-key",
            "/results/",
            "/results",
            "/results/x/2026-01-01",
        ],
    )
    def test_no_way_to_the_signing_key_or_a_listing(self, server: Server, path: str) -> None:
        secret = (server.storage / "signing-key").read_bytes().strip()
        with connected(server.client.address) as connection:
            connection.sendall(head_of(path, {"Host": "x", "Connection": "close"}, "GET"))
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.split(b" ")[1] in (b"403", b"404")
        assert secret not in answer

    def test_signing_key_is_for_its_owner_only(self, server: Server) -> None:
        assert (server.storage / "signing-key").stat().st_mode & 0o777 == 0o600


class TestTime:
    def test_max_age_counts_down_and_the_link_ends_with_it(self, start_server: StartServer) -> None:
        own = start_server()
        url = assert_success(own.client.erase(), own.base)

        def max_age() -> str:
            return own.client.get(url).headers["cache-control"]

        assert max_age() == f"private, max-age={DAY}, immutable"
        own.clock.now += 3600
        assert max_age() == f"private, max-age={DAY - 3600}, immutable"
        own.clock.now += DAY - 3600 - 1
        assert max_age() == "private, max-age=1, immutable"
        own.clock.now += 1
        assert len(own.results) == 1
        answer = own.client.get(url)
        assert_failure(answer, "ERROR_ILLEGAL_OPERATION", "expired")
        assert answer.headers.get("cache-control", "no-store") == "no-store"
        assert_failure(own.client.get(url, headers={"Range": "bytes=0-1"}), "ERROR_ILLEGAL_OPERATION")
        assert own.client.request("HEAD", url, key=None).status_code == 403

    def test_swept(self, start_server: StartServer) -> None:
        own = start_server(sweep_interval_seconds=0.05)
        first = assert_success(own.client.erase(), own.base)
        own.clock.now += DAY - 10
        second = assert_success(own.client.erase(), own.base)
        made = own.clock.now
        own.clock.now += 10
        until(lambda: len(own.results) == 1, "the first is swept")
        assert own.client.get(second).status_code == 200
        own.clock.now = made
        assert_failure(own.client.get(first), "ERROR_FILE_NOT_FOUND")
        assert own.client.request("HEAD", first, key=None).status_code == 404

    def test_ttl_of_the_operator_holds_for_links_made_under_it(self, start_server: StartServer, tmp_path: Path) -> None:
        storage = tmp_path / "storage"
        with Server(storage, result_ttl_seconds=100) as short:
            url = assert_success(short.client.erase(), short.base)
            assert short.client.get(url).headers["cache-control"] == "private, max-age=100, immutable"
            path, clock = url.removeprefix(short.base), short.clock
        with Server(storage, clock, result_ttl_seconds=1) as shorter:
            clock.now += 99
            assert shorter.client.get(path).status_code == 200
            clock.now += 1
            assert_failure(shorter.client.get(path), "ERROR_ILLEGAL_OPERATION")


class TestDownloadInProgress:
    def test_comes_to_its_end_though_swept_meanwhile(self, start_server: StartServer) -> None:
        own = start_server(max_file_bytes=32 * 1024 * 1024, sweep_interval_seconds=0.05)
        size = (1800, 1500)
        url = assert_success(own.client.erase(noise_file(size), file_of(boxed(size, (0, 0, 4, 4)))), own.base)
        whole = own.client.get(url).content
        assert len(whole) > 6_000_000
        with connected(own.client.address, receive_buffer=4096) as connection:
            connection.sendall(head_of(urlsplit(url).path, {"Host": "x", "Connection": "close"}, "GET"))
            received = bytearray(connection.recv(1000))
            own.clock.now += DAY
            until(lambda: not own.results, "the result is swept")
            assert own.client.get(url).status_code == 403
            while piece := connection.recv(1 << 20):
                received += piece
        assert bytes(received).partition(b"\r\n\r\n")[2] == whole


class TestSigningKeys:
    A, B = "a-signing-key-of-the-tests-themselves", "b-signing-key-of-the-tests-themselves"

    def test_rotation(self, tmp_path: Path) -> None:
        storage = tmp_path / "storage"
        with Server(storage, signing_keys=(self.A,)) as first:
            clock = first.clock
            old = assert_success(first.client.erase(), first.base).removeprefix(first.base)
        with Server(storage, clock, signing_keys=(self.B, self.A)) as rotated:
            assert rotated.client.get(old).status_code == 200
            new = assert_success(rotated.client.erase(), rotated.base).removeprefix(rotated.base)
        with Server(storage, clock, signing_keys=(self.B,)) as dropped:
            assert dropped.client.get(new).status_code == 200, "the first key must be the one that signs"
            assert_failure(dropped.client.get(old), "ERROR_ILLEGAL_OPERATION")

    def test_the_key_that_the_server_made_outlives_it(self, tmp_path: Path) -> None:
        storage = tmp_path / "storage"
        with Server(storage) as first:
            clock = first.clock
            path = assert_success(first.client.erase(), first.base).removeprefix(first.base)
            content = first.client.get(path).content
        with Server(storage, clock) as second:
            answer = second.client.get(path)
            assert answer.status_code == 200
            assert answer.content == content


def test_a_stranger_cannot_tell_a_link(client: Client, server: Server, tmp_path: Path) -> None:
    """Another server's link for the same file name is none of this one's."""
    with Server(tmp_path / "other") as other:
        url = assert_success(other.client.erase(photo_file("JPEG"), mask_file()), other.base, "jpg")
        (kept,) = other.results
        target = server.storage / "results" / kept.relative_to(other.storage / "results")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(file_of(photo(), "JPEG"))
        try:
            assert_failure(client.get(url.removeprefix(other.base)), "ERROR_ILLEGAL_OPERATION")
        finally:
            target.unlink()
