"""Three copies of the server on one bucket, with HAProxy before them."""

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.balancer import HAPROXY
from support.buckets import Seaweed
from support.crowd import Crowd
from support.envelope import assert_failure, assert_success
from support.haproxy import Balancer
from support.pictures import mask_file, photo_file
from support.processes import until
from support.server import KEY, CommandServer

# Each start of a copy takes seconds of a processor that others use too.
pytestmark = [
    pytest.mark.hostile,
    pytest.mark.skipif(HAPROXY is None, reason="needs HAProxy"),
    pytest.mark.timeout(240),
]

COPIES = 3
OLD, NEW = "the-old-signing-key-of-the-tests-here", "the-new-signing-key-of-the-tests-here"
# Longer than HAProxy takes to notice: two checks, 100 ms apart, with room for a machine that is busy.
STOP_DELAY = "1.5"


class Copies:
    """Three servers that know nothing of each other; each can be stopped and started again on its port."""

    def __init__(self, bucket: str, logs: Path, keys: Path, stack: ExitStack) -> None:
        self._bucket, self._logs, self._keys, self._stack = bucket, logs, keys, stack
        self.signing_keys = OLD
        for index in range(COPIES):
            self.key_file(index).write_text(f"{KEY}\n")
        self._servers = [self._start(index) for index in range(COPIES)]

    def __getitem__(self, index: int) -> CommandServer:
        return self._servers[index]

    def key_file(self, index: int) -> Path:
        """The copy's own file of API keys."""
        return self._keys / f"keys{index}"

    def start_again(self, index: int) -> None:
        """On the port it had, with the signing keys that count now."""
        self._servers[index] = self._start(index, self._servers[index].port)

    def _start(self, index: int, port: int | None = None) -> CommandServer:
        settings = {
            "STORAGE_URL": self._bucket,
            "SIGNING_KEYS": self.signing_keys,
            "API_KEYS": "",
            "API_KEYS_FILE": str(self.key_file(index)),
            "ENGINE": "opencv",
            "STOP_DELAY_SECONDS": STOP_DELAY,
        }
        return self._stack.enter_context(CommandServer(self._keys, self._logs, port, **settings))


@pytest.fixture(scope="module")
def copies(seaweed: Seaweed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    """All tests share them; each leaves three copies that run and know KEY."""
    place = seaweed.place(f"test-{uuid.uuid4()}")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        for name, value in place.environment.items():
            patch.setenv(name, value)
        yield Copies(place.url, tmp_path_factory.mktemp("logs"), tmp_path_factory.mktemp("keys"), stack)


@pytest.fixture(scope="module")
def balancer(copies: Copies) -> Iterator[Balancer]:
    with Balancer([copies[index].port for index in range(COPIES)]) as running:
        yield running


def restart_one_by_one(copies: Copies, balancer: Balancer, before: Callable[[], object] = lambda: None) -> None:
    """As an orchestrator does it: the next one only when the balancer has the one before again."""
    for index in range(COPIES):
        before()
        copies[index].process.terminate()
        assert copies[index].process.wait(60) == 0
        copies.start_again(index)
        until(partial(balancer.is_up, index), "the balancer has the copy again")


def served_by(copies: Copies) -> list[int]:
    """How many pictures each copy has erased since it was started."""
    return [copies[index].log.read_text().count('"work_ms"') for index in range(COPIES)]


def await_logs(copies: Copies) -> None:
    """Until every request that was answered is logged, which it is a moment later: a request after it is."""
    for index in range(COPIES):
        path = f"/{uuid.uuid4()}"
        copies[index].client.get(path)
        until(partial(_is_logged, copies[index], path), "the last request is logged")


def _is_logged(copy: CommandServer, path: str) -> bool:
    return path in copy.log.read_text()


class TestLinks:
    def test_of_any_copy_are_served_by_every_copy(self, copies: Copies, balancer: Balancer) -> None:
        for maker in range(COPIES):
            path = urlsplit(assert_success(copies[maker].client.erase(), copies[maker].base)).path
            whole = copies[maker].client.get(path)
            for client in (balancer.client, *(copies[index].client for index in range(COPIES))):
                again = client.get(path)
                assert (again.status_code, again.content) == (200, whole.content)
                assert again.headers["etag"] == whole.headers["etag"]
                head = client.request("HEAD", path, key=None)
                assert head.status_code == 200
                assert head.headers["content-length"] == str(len(whole.content))
                part = client.get(path, headers={"Range": "bytes=10-19"})
                assert (part.status_code, part.content) == (206, whole.content[10:20])
                known = client.get(path, headers={"If-None-Match": whole.headers["etag"]})
                assert (known.status_code, known.content) == (304, b"")

    def test_begin_with_the_balancers_address(self, balancer: Balancer) -> None:
        url = assert_success(balancer.client.erase(), balancer.base)
        assert balancer.client.get(url).status_code == 200

    def test_of_images_sent_ahead_serve_every_copy(self, copies: Copies) -> None:
        stored = copies[0].client.request("POST", "/images", files={"image": photo_file("GIF")})
        form = {"image": urlsplit(stored.headers["location"]).path}
        for index in range(COPIES):
            erased = copies[index].client.request("POST", "/erase", files={"mask": mask_file()}, data=form)
            assert (erased.status_code, erased.headers["content-type"]) == (200, "image/png")

    def test_every_copy_gets_its_share(self, copies: Copies, balancer: Balancer) -> None:
        await_logs(copies)
        before = served_by(copies)
        with Crowd(balancer.port, clients=3, requests=6) as crowd:
            crowd.wait()
        assert not crowd.failed
        await_logs(copies)
        assert len(crowd.links) == 18
        shares = [now - then for now, then in zip(served_by(copies), before, strict=True)]
        assert sum(shares) == 18
        assert min(shares) >= 3


class TestRollingRestart:
    def test_api_keys_changed_one_copy_at_a_time(self, copies: Copies, balancer: Balancer) -> None:
        """While the copies disagree, whoever uses the key that all know notices nothing."""
        for index in range(COPIES):
            copies.key_file(index).write_text(f"{KEY}\nthe-next-key\n")
            for other in range(COPIES):
                answer = copies[other].client.erase(key="the-next-key")
                if other <= index:
                    assert_success(answer, copies[other].base)
                else:
                    assert_failure(answer, "ERROR_APPLICATIONS_NOT_EXISTS")
                assert_success(balancer.client.erase(), balancer.base)
        for index in range(COPIES):
            copies.key_file(index).write_text(f"{KEY} off\nthe-next-key\n")
            assert_failure(copies[index].client.erase(), "ERROR_USER_LOCKED")
            for _ in range(COPIES):
                assert_success(balancer.client.erase(key="the-next-key"), balancer.base)
        for index in range(COPIES):
            copies.key_file(index).write_text(f"{KEY}\n")

    def test_signing_keys_changed_one_copy_at_a_time(self, copies: Copies, balancer: Balancer) -> None:
        """First all verify with the new key, then all sign with it, and only when no old link lives it is alone.

        No request fails while the copies are restarted one by one.
        """
        with Crowd(balancer.port, clients=4, requests=2000, pause=0.5) as crowd:
            until(lambda: len(crowd.outcomes) > 4, "the crowd is at work")

            def assert_all_links_work() -> None:
                until(lambda: len(crowd.links) > seen, "the crowd goes on")
                for link in {crowd.links[0], *crowd.links[-5:]}:
                    assert balancer.client.get(link).status_code == 200

            for keys in (f"{OLD},{NEW}", f"{NEW},{OLD}"):
                copies.signing_keys, seen = keys, len(crowd.links)
                restart_one_by_one(copies, balancer, assert_all_links_work)
                until(lambda: all(served_by(copies)), "every copy serves again")
            assert_all_links_work()
            seen = len(crowd.links)
            until(lambda: len(crowd.links) > seen + 10, "links are made with the new key")
            made_with_new = crowd.links[-1]
        assert not crowd.failed
        copies.signing_keys = NEW
        copies[0].process.terminate()
        copies[0].process.wait(60)
        copies.start_again(0)
        assert copies[0].client.get(urlsplit(made_with_new).path).status_code == 200
        assert_failure(copies[0].client.get(urlsplit(crowd.links[0]).path), "ERROR_ILLEGAL_OPERATION")
        until(lambda: balancer.is_up(0), "the balancer has the copy again")


class TestCopyKilled:
    def test_only_the_jobs_it_held_fail(self, copies: Copies, balancer: Balancer) -> None:
        clients = 8
        lost = [balancer.unanswered(index) for index in range(COPIES)]
        with Crowd(balancer.port, clients, requests=20) as crowd:
            until(lambda: len(crowd.outcomes) > clients, "the crowd is at work")
            workers = copies[0].stop_workers()
            until(lambda: balancer.unanswered(0) > lost[0], "the copy holds jobs")
            copies[0].process.kill()
            copies[0].process.wait(60)
            gone_at = time.monotonic()
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
            crowd.wait()
        assert len(crowd.outcomes) == clients * 20
        held, *others = (balancer.unanswered(index) - lost[index] for index in range(COPIES))
        assert others == [0, 0]
        # An answer that was cut off is not counted as one that is missing.
        assert 1 <= held <= len(crowd.failed) <= clients
        for failed in crowd.failed:
            assert failed.honest, failed
            assert failed.began <= gone_at
        with Crowd(balancer.port, clients=3, requests=4) as after:
            after.wait()
        assert not after.failed
        copies.start_again(0)
        until(lambda: balancer.is_up(0), "the balancer has the copy again")
        with Crowd(balancer.port, clients=3, requests=4) as after:
            after.wait()
        assert not after.failed
        assert served_by(copies)[0] > 0
