"""Erasing by a server, which answers as the test has scripted it. No test waits."""

import asyncio
import gzip
import json
import time
from email.utils import formatdate

import pytest

from image_erase.batch.failures import BROKEN_ANSWER, UNREACHABLE, Failure, PictureFailed
from image_erase.batch.remote import ANSWER_BYTES, Answer, RemoteEraser, Retries, Temporary, link_in
from support.pictures import mask_file, photo_file
from support.ports import free_port
from support.scripted import Scripted, ScriptedServer, envelope, refused
from support.server import KEY, PATH, Server

PICTURE = photo_file()
FETCHED = Scripted(200, PICTURE)


class Eraser:
    """Erases one picture by a server, and records the pauses."""

    def __init__(self, base: str, key: str = KEY, retries: int = 5) -> None:
        self.pauses: list[float] = []
        self._base, self._key = base, key
        self._retries = Retries(retries, self._sleep, lambda low, high: 0.0)

    def erase(self) -> bytes:
        return asyncio.run(self._erase())

    def failure(self) -> Failure:
        with pytest.raises(PictureFailed) as failed:
            self.erase()
        return failed.value.failure

    async def _erase(self) -> bytes:
        async with RemoteEraser(self._base, self._key, connections=1, retries=self._retries) as eraser:
            return (await eraser.erase(photo_file("JPEG"), mask_file())).data

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def test_a_real_server_gives_what_it_gives_everybody(server: Server) -> None:
    answer = server.client.erase(photo_file("JPEG"), mask_file()).json()
    assert Eraser(server.base + "/").erase() == server.client.get(answer["data"]["image_url"]).content


def test_a_key_that_a_real_server_does_not_know_ends_all(server: Server) -> None:
    failure = Eraser(server.base, "wrong").failure()
    assert (failure.code, failure.http_status, failure.fatal) == ("ERROR_APPLICATIONS_NOT_EXISTS", 401, True)
    assert failure.attempts == 1
    assert "does not know the key" in failure.message


def test_the_link_is_fetched_without_the_key() -> None:
    with ScriptedServer(FETCHED) as results, ScriptedServer(results.linked()) as server:
        assert Eraser(server.base + "/base").erase() == PICTURE
        (asked,), (fetched,) = server.asked, results.asked
    assert (asked.method, asked.path, asked.headers["ailabapi-api-key"]) == ("POST", "/base" + PATH, KEY)
    for part in (b'name="image"; filename="image.jpg"', b'name="user_mask"; filename="mask.png"', mask_file()):
        assert part in asked.body
    assert (fetched.method, fetched.path) == ("GET", "/results/result.png")
    assert KEY not in json.dumps(fetched.headers)


def test_what_may_pass_is_tried_again() -> None:
    with ScriptedServer() as server:
        busy = refused(429, "EXCEEDING_LIMITS", "busy", Retry_After="7")
        server.answers = [busy, refused(503, "ERROR_INSUFFICIENT_RESOURCES"), Scripted(502, b"<html>")]
        # A truncated answer and a link that is not there yet, too.
        cut = Scripted(200, envelope(image_url="x" * 100), cut=20)
        server.answers += [cut, server.linked(), refused(500), Scripted(200, PICTURE, cut=9), FETCHED]
        eraser = Eraser(server.base)
        assert eraser.erase() == PICTURE
    assert server.methods == ["POST"] * 5 + ["GET"] * 3
    assert eraser.pauses == [7, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("status", "code", "http_status"), [(429, "EXCEEDING_LIMITS", 429), (500, "UNKNOWN_ERROR", 500)]
)
def test_the_last_refusal_is_told(status: int, code: str, http_status: int) -> None:
    with ScriptedServer(refused(status, code, "Again later.")) as server:
        failure = Eraser(server.base, retries=2).failure()
    assert failure == Failure(code, "Again later.", http_status, attempts=3)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("answer", "fatal"),
    [
        (refused(400, "ERROR_MASK_IMAGE_RESOLUTION_MISMATCH", "Sizes differ."), False),
        (refused(413, "FILE_SIZE_EXCEEDS_LIMIT", "Too large."), False),
        (refused(403, "ERROR_ILLEGAL_FILE", "Illegal file."), False),
        (refused(401, "ERROR_USER_NOT_EXISTS", "Who?"), True),
        (refused(403, "ERROR_USER_LOCKED", "Locked."), True),
        (refused(404, "ERROR_AI_NOT_EXISTS", "Nothing here."), True),
        (refused(429, "ERROR_NOT_ENOUGH_CREDITS", "Insufficient credits."), True),
        (Scripted(200, envelope(401, "ERROR_USER_NOT_EXISTS", "Who?")), True),
        (Scripted(200, envelope(422, "FILE_DECODING_FAILURE", "Broken.")), False),
        (Scripted(301, b"", {"Location": "https://elsewhere.example"}), True),
    ],
)
def test_a_refusal_is_not_tried_again(answer: Scripted, fatal: bool) -> None:
    with ScriptedServer(answer) as server:
        failure = Eraser(server.base).failure()
    said = json.loads(answer.body) if answer.body else {"error_code_str": "HTTP_301"}
    assert (failure.code, failure.fatal, failure.attempts) == (said["error_code_str"], fatal, 1)
    assert failure.http_status == answer.status
    assert said.get("error_msg", "https://elsewhere.example") in failure.message
    assert len(server.asked) == 1


def test_an_envelope_that_says_busy_is_tried_again_whatever_http_says() -> None:
    with ScriptedServer() as server:
        server.answers = [Scripted(200, envelope(429, "EXCEEDING_LIMITS")), server.linked(), FETCHED]
        assert Eraser(server.base).erase() == PICTURE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"error_code": 0',
        b"[" * 100_000,
        b'{"error_code": 0}',
        b'{"error_code": 0, "data": []}',
        b'{"error_code": 0, "data": {}}',
        b'{"error_code": 0, "data": {"image_url": 7}}',
        b'{"error_code": 0, "data": {"image_url": "file:///etc/passwd"}}',
        b'{"error_code": 0, "data": {"image_url": "http://["}}',
        b'{"error_code": 0, "data": {"image_url": "http:///x.png"}}',
        b'{"error_code": "0", "data": {"image_url": "http://x/y.png"}}',
        b'{"error_code": 0, "data": {"image_url": "http://a:b:c/y.png"}}',
        b" " * (ANSWER_BYTES + 1),
    ],
)
def test_an_answer_that_is_broken_is_a_failure(body: bytes) -> None:
    with ScriptedServer(Scripted(200, body)) as server:
        failure = Eraser(server.base).failure()
    assert (failure.code, failure.fatal) == (BROKEN_ANSWER, False)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refused(403, "ERROR_ILLEGAL_OPERATION", "The link has expired."), "ERROR_ILLEGAL_OPERATION"),
        (Scripted(404, b"gone"), "HTTP_404"),
        (Scripted(204), "HTTP_204"),
        (Scripted(200, b"<html>"), BROKEN_ANSWER),
        (Scripted(200, b"GIF89a"), BROKEN_ANSWER),
        (Scripted(200, PICTURE, {"Content-Encoding": "gzip"}), BROKEN_ANSWER),
    ],
)
def test_a_result_that_cannot_be_had_fails_only_its_picture(answer: Scripted, code: str) -> None:
    with ScriptedServer() as server:
        server.answers = [server.linked(), answer]
        failure = Eraser(server.base).failure()
    assert (failure.code, failure.fatal, failure.attempts) == (code, False, 1)
    assert server.methods == ["POST", "GET"]


@pytest.mark.parametrize("packed", [True, False])
def test_a_result_that_has_no_end_is_given_up(monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    monkeypatch.setattr("image_erase.batch.remote.RESULT_BYTES", 1000)
    body = PICTURE[:16] + bytes(2000)
    headers = {"Content-Encoding": "gzip"} if packed else {}
    with ScriptedServer() as server:
        server.answers = [server.linked(), Scripted(200, gzip.compress(body) if packed else body, headers)]
        failure = Eraser(server.base).failure()
    assert (failure.code, failure.message) == (BROKEN_ANSWER, "the server's answer has more than 1000 bytes")


def test_a_server_that_is_not_there_is_tried_again() -> None:
    eraser = Eraser(f"http://127.0.0.1:{free_port()}", retries=3)
    failure = eraser.failure()
    assert (failure.code, failure.http_status, failure.attempts) == (UNREACHABLE, None, 4)
    assert failure.message.startswith("127.0.0.1: ")
    assert len(eraser.pauses) == 3


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("3", 3),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("1.5", 0),
        ("²", 0),
        (formatdate(1_000_060, usegmt=True), 60),
        (formatdate(999_000, usegmt=True), 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(said: str, seconds: float) -> None:
    with pytest.raises(Temporary) as passing:
        link_in(Answer(429, envelope(429, "EXCEEDING_LIMITS"), said), now=lambda: 1_000_000)
    assert passing.value.retry_after == seconds


def test_words_of_a_server_are_cut() -> None:
    with pytest.raises(PictureFailed) as failed:
        link_in(Answer(400, envelope(400, "X", "long " * 1000)), now=time.time)
    assert len(failed.value.failure.message) == 500
