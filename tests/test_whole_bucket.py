"""Results in a bucket through real servers: several copies, links of the bucket's own, a store that fails."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from image_erase.results.bucket_client import RETRIES, BucketTimeouts
from support.buckets import ACCESS_KEY, Place, Seaweed
from support.envelope import assert_failure, assert_success
from support.forked import run_forked
from support.pictures import boxed, file_of, noise_file
from support.processes import open_files, until
from support.proxy import Proxy
from support.raw import connected, head_of
from support.server import PATH, Server, files

DAY = 24 * 3600
LARGE = (1800, 1500)
StartOn = Callable[..., Server]
# Every check of the server is one of the bucket.
FRESH = BucketTimeouts(check_interval=0)
# A quarter of the usual time: a busy machine must not reach these limits where nothing is wrong.
IMPATIENT = replace(FRESH, request=3.0, read=1.25, retry=2.0, check=1.0)

ANSWERS = {
    "500": b"HTTP/1.1 500 Oops\r\nContent-Length: 21\r\n\r\n<Code>Internal</Code>",
    "403": b"HTTP/1.1 403 No\r\nContent-Length: 25\r\n\r\n<Code>AccessDenied</Code>",
    "nonsense": b"\x00\x01\x02 what?\r\n\r\n",
}


@pytest.fixture
def start_on(tmp_path: Path) -> Iterator[StartOn]:
    """Starts servers with results in a bucket and the fastest engine."""
    with ExitStack() as stack:

        def start(place: Place, **settings: Any) -> Server:
            return stack.enter_context(Server(tmp_path, **{"engine": "opencv"} | place.settings | settings))

        yield start


@pytest.fixture
def proxy(seaweed: Seaweed) -> Iterator[Proxy]:
    with Proxy(seaweed.port) as running:
        yield running


@pytest.fixture
def behind(s3: Place, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The test's place, behind the proxy."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    return Place(s3.url, s3.environment | {"AWS_ENDPOINT_URL": proxy.endpoint})


def assert_discreet(answer: httpx.Response, place: Place) -> None:
    """Assert that an answer does not reveal the storage."""
    said = f"{answer.headers}{answer.text}"
    port = urlsplit(place.environment["AWS_ENDPOINT_URL"]).port
    for secret in (*place.secrets, ACCESS_KEY, str(port), "AccessDenied", "Internal", "obstore", "S3", "s3:"):
        assert secret not in said


def wait_until_ready(own: Server) -> None:
    """The first check may take longer than it is given, on a busy machine; the next one follows."""
    until(lambda: own.client.get("/readyz").status_code == 200, "the server is ready")


class TestCopies:
    def test_any_copy_serves_any_link(self, s3: Place, start_on: StartOn) -> None:
        first, second = start_on(s3), start_on(s3)
        link = assert_success(first.client.erase(), first.base)
        answer = second.client.get(link.removeprefix(first.base))
        assert answer.status_code == 200
        assert answer.content == first.client.get(link).content

    def test_another_signing_key_is_another_server(self, s3: Place, start_on: StartOn) -> None:
        first, other = start_on(s3), start_on(s3, signing_keys=("another-signing-key-of-the-tests-here",))
        link = assert_success(first.client.erase(), first.base)
        assert_failure(other.client.get(link.removeprefix(first.base)), "ERROR_ILLEGAL_OPERATION")

    def test_all_may_sweep(self, s3: Place, start_on: StartOn) -> None:
        first, second = (start_on(s3, sweep_interval_seconds=0.05) for _ in range(2))
        for _ in range(3):
            assert_success(first.client.erase(), first.base)
        assert len(first.results) == 3
        first.clock.now += DAY
        second.clock.now += DAY
        until(lambda: not first.results, "what has expired is swept")
        assert first.client.get("/healthz").status_code == 200


class TestPresigned:
    @pytest.mark.parametrize("kind", ["s3", "azure"])
    def test_the_buckets_own_link(self, kind: str, request: pytest.FixtureRequest, start_on: StartOn) -> None:
        own = start_on(request.getfixturevalue(kind), result_links="presigned", result_ttl_seconds=600)
        link = own.client.erase().json()["data"]["image_url"]
        assert not link.startswith(own.base)
        answer = httpx.get(link, trust_env=False)
        assert answer.status_code == 200
        assert answer.content.startswith(b"\x89PNG")
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-disposition"].startswith('inline; filename="')
        assert answer.headers["cache-control"] == "private, max-age=600, immutable"
        assert httpx.get(link.partition("?")[0], trust_env=False).status_code in (403, 404)
        query = parse_qs(urlsplit(link).query)
        assert query.get("X-Amz-Expires") == ["600"] or "se" in query

    def test_it_ends(self, s3: Place, start_on: StartOn) -> None:
        own = start_on(s3, result_links="presigned", result_ttl_seconds=1)
        link = own.client.erase().json()["data"]["image_url"]
        until(lambda: httpx.get(link, trust_env=False).status_code == 403, "the link ends")

    @pytest.mark.parametrize("links", ["own", "presigned"])
    def test_the_page_may_fetch_it(self, links: str, s3: Place, start_on: StartOn) -> None:
        own = start_on(s3, result_links=links)
        policy = own.client.get("/").headers["content-security-policy"].split("; ")
        # It gets its results with the answer, from the server itself.
        assert "connect-src 'self'" in policy


@pytest.mark.hostile
class TestStoreFails:
    @pytest.fixture
    def start_on(self, start_on: StartOn) -> StartOn:
        return partial(start_on, bucket=IMPATIENT)

    @pytest.mark.parametrize("behaviour", ["silent", "close", *ANSWERS])
    def test_answers_in_time_and_goes_on_after(
        self, behaviour: str, behind: Place, proxy: Proxy, start_on: StartOn
    ) -> None:
        own = start_on(behind)
        link = assert_success(own.client.erase(), own.base)
        proxy.behaviour = ANSWERS.get(behaviour, behaviour)
        calls: list[Callable[[], httpx.Response]] = [own.client.erase, lambda: own.client.get(link)]
        for call in calls:
            answer = call()
            assert_failure(answer, "FILE_SERVICE_ERROR")
            assert_discreet(answer, behind)
        answer = own.client.get("/readyz")
        assert_failure(answer, "ERROR_INSUFFICIENT_RESOURCES")
        assert_discreet(answer, behind)
        proxy.behaviour = "pass"
        wait_until_ready(own)
        assert own.client.get(link).status_code == 200
        assert_success(own.client.erase(), own.base)

    def test_retries_are_counted(self, behind: Place, proxy: Proxy, start_on: StartOn) -> None:
        own = start_on(behind)
        until(lambda: proxy.up, "the start's probe is through")
        wait_until_ready(own)
        proxy.behaviour = ANSWERS["500"]
        assert_failure(own.client.erase(), "FILE_SERVICE_ERROR")
        assert proxy.answered == 1 + RETRIES

    def test_a_put_that_is_cut_leaves_nothing(self, behind: Place, proxy: Proxy, start_on: StartOn) -> None:
        own = start_on(behind, max_file_bytes=32 << 20)
        proxy.cut_up = proxy.up + 1_000_000
        image, mask = noise_file(LARGE), file_of(boxed(LARGE, (0, 0, 4, 4)))
        assert_failure(own.client.erase(image, mask), "FILE_SERVICE_ERROR")
        proxy.cut_up = None
        assert list(own.results) == []

    def test_a_download_that_breaks_once_goes_on(self, behind: Place, proxy: Proxy, start_on: StartOn) -> None:
        own = start_on(behind, max_file_bytes=32 << 20)
        image, mask = noise_file(LARGE), file_of(boxed(LARGE, (0, 0, 4, 4)))
        link = assert_success(own.client.erase(image, mask), own.base)
        whole = own.client.get(link).content
        proxy.cut_down = 5_000_000
        assert own.client.get(link).content == whole

    def test_one_that_breaks_for_good_is_not_taken_for_whole(
        self, behind: Place, proxy: Proxy, start_on: StartOn, caplog: pytest.LogCaptureFixture
    ) -> None:
        own = start_on(behind, max_file_bytes=32 << 20)
        image, mask = noise_file(LARGE), file_of(boxed(LARGE, (0, 0, 4, 4)))
        link = assert_success(own.client.erase(image, mask), own.base)
        proxy.cut_down = 300_000
        with pytest.raises(httpx.RemoteProtocolError):
            own.client.get(link)
        assert "secret" not in caplog.text

    def test_what_is_logged_holds_no_secret(
        self, behind: Place, proxy: Proxy, start_on: StartOn, caplog: pytest.LogCaptureFixture
    ) -> None:
        own = start_on(behind, sweep_interval_seconds=0.05)
        with caplog.at_level(logging.DEBUG, "image_erase"):
            proxy.behaviour = ANSWERS["403"]
            assert_failure(own.client.erase(), "FILE_SERVICE_ERROR")
            reasons = [vars(record)["reason"] for record in caplog.records if record.message == "result not stored"]
        (reason,) = reasons
        assert "403 AccessDenied" in reason
        said = " ".join(f"{vars(record)}" for record in caplog.records)
        for secret in (*behind.secrets, ACCESS_KEY, "Signature", "X-Amz", "<"):
            assert secret not in reason
        assert behind.secrets[0] not in said

    def test_a_client_that_goes_away_leaves_nothing(self, behind: Place, proxy: Proxy, start_on: StartOn) -> None:
        own = start_on(behind)
        wait_until_ready(own)
        asked, held, proxy.behaviour = len(proxy.asked), proxy.held, "silent"
        request = httpx.Request("POST", f"{own.base}{PATH}", files=files())
        body = request.read()
        with connected(own.client.address) as connection:
            headers = {"Host": "x", "ailabapi-api-key": "key-of-the-tests", "Content-Length": str(len(body))}
            headers["Content-Type"] = request.headers["content-type"]
            connection.sendall(head_of(PATH, headers) + body)
            until(lambda: proxy.held > held, "the result is being put")
            opened = open_files()
        until(lambda: open_files() <= opened - 2, "both ends of the connection are closed")
        proxy.behaviour = "pass"
        until(lambda: any(b"?delete" in line for line in proxy.asked[asked:]), "the result is deleted")
        until(lambda: not own.results, "it is gone")
        assert any(line.startswith(b"PUT ") for line in proxy.asked[asked:])


def test_probes_are_few(behind: Place, proxy: Proxy, start_on: StartOn) -> None:
    own = start_on(behind)
    wait_until_ready(own)
    up = proxy.up
    assert {own.client.get("/readyz").status_code for _ in range(20)} == {200}
    assert proxy.up <= up + 10_000, "twenty probes of the server are twenty of the bucket"


@pytest.mark.hostile
def test_store_killed_and_back(tmp_path: Path, start_on: StartOn, monkeypatch: pytest.MonkeyPatch) -> None:
    """SeaweedFS itself is killed, and started again with what it had."""
    (tmp_path / "weed").mkdir()
    with Seaweed(tmp_path / "weed") as store:
        place = store.place("killed")
        for name, value in place.environment.items():
            monkeypatch.setenv(name, value)
        own = start_on(place, bucket=IMPATIENT)
        link = assert_success(own.client.erase(), own.base)
        store.kill()
        for answer in (own.client.erase(), own.client.get(link)):
            assert_failure(answer, "FILE_SERVICE_ERROR")
            assert_discreet(answer, place)
        assert_failure(own.client.get("/readyz"), "ERROR_INSUFFICIENT_RESOURCES")
        store.start()
        until(lambda: own.client.get("/readyz").status_code == 200, "the server is ready again")
        assert own.client.get(link).status_code == 200
        assert_success(own.client.erase(), own.base)


def test_starts_though_the_bucket_is_gone(
    behind: Place, proxy: Proxy, start_on: StartOn, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.behaviour = ANSWERS["403"]
    own = start_on(behind, bucket=FRESH)
    assert_failure(own.client.get("/readyz"), "ERROR_INSUFFICIENT_RESOURCES")
    until(lambda: [r for r in caplog.records if getattr(r, "task", "") == "storage_check"], "the log says so")
    proxy.behaviour = "pass"
    assert own.client.get("/readyz").status_code == 200


def test_a_bucket_keeps_no_secrets(s3: Place, tmp_path: Path) -> None:
    """Nothing is made that the next copy would not have."""
    url = {"ERASE_STORAGE_URL": s3.url, **s3.environment}
    for missing, given in (
        ("ERASE_SIGNING_KEYS", {"ERASE_API_KEYS": "key-of-the-tests"}),
        ("ERASE_API_KEYS", {"ERASE_SIGNING_KEYS": "signing-key-of-the-tests-themselves"}),
    ):
        done = run_forked(tmp_path, "serve", **url, **given)
        assert done.returncode == 2
        assert done.stderr == f"image-erase: {missing}: must be set when results are kept in a bucket\n"


def test_an_environment_that_cannot_be_followed(tmp_path: Path) -> None:
    keys = {"ERASE_API_KEYS": "key-of-the-tests", "ERASE_SIGNING_KEYS": "signing-key-of-the-tests-themselves"}
    azure = {"AZURE_STORAGE_ACCOUNT_NAME": "account", "AZURE_STORAGE_ACCOUNT_KEY": "not!base64"}
    done = run_forked(tmp_path, "serve", ERASE_STORAGE_URL="az://results", **keys, **azure)
    assert done.returncode == 2
    assert done.stderr.startswith("image-erase: ERASE_STORAGE_URL: cannot be used (")
    assert done.stderr.count("\n") == 1
    assert "not!base64" not in done.stderr


@pytest.mark.parametrize(
    ("change", "level", "says"),
    [
        ({}, "ok", "can be written, read, listed and deleted"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "wrong", "cannot be written (PermissionDeniedError PUT"),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            "wrong",
            "cannot be written (GenericError PUT 127.0.0.1:9 connect)",
        ),
    ],
)
def test_doctor(s3: Place, seaweed: Seaweed, tmp_path: Path, change: dict[str, str], level: str, says: str) -> None:
    keys = {"ERASE_API_KEYS": "key-of-the-tests", "ERASE_SIGNING_KEYS": "signing-key-of-the-tests-themselves"}
    settings = {"ERASE_STORAGE_URL": s3.url, "ERASE_WORKERS": "1", "ERASE_PORT": "0", **keys}
    done = run_forked(tmp_path, "doctor", **settings, **s3.environment | change)
    (line,) = (line for line in done.stdout.splitlines() if " storage: " in line)
    assert line.startswith(level)
    assert says in line
    assert "secret" not in line
    assert seaweed.objects(s3.url.removeprefix("s3://results/")) == {}
