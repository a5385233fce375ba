"""Clients that erase one picture after the other, each a different one, and record the outcomes."""

import http.client
import json
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from support.envelope import assert_failure
from support.multipart import body_of, content_type, file_part
from support.pictures import BOX, SIZE, changed, file_of, mask_file
from support.raw import RawAnswer
from support.server import KEY, PATH

SECONDS = 40.0
MASK = mask_file()


@dataclass(frozen=True)
class Outcome:
    """One request and the fetch of its result. fault: what was wrong, None where all was right.

    began: time.monotonic() when it was sent. honest: whether the failure was one that a client can read, or a broken
    connection; a wrong picture is neither.
    """

    began: float
    link: str | None = None
    fault: str | None = None
    honest: bool = True


def picture(number: int) -> bytes:
    """Return a PNG that is unique to the number."""
    return file_of(Image.fromarray(np.random.default_rng(number).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)))


@dataclass
class Crowd:
    """Clients that send requests until they are stopped or have sent enough. Every other one keeps its connection.

    pause: seconds that each client waits before a request.
    """

    port: int
    clients: int
    requests: int
    pause: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._run, args=(one,)) for one in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.wait()

    def wait(self) -> None:
        """Wait until every client has sent all its requests."""
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.fault]

    @property
    def links(self) -> list[str]:
        return [outcome.link for outcome in self.outcomes if outcome.link]

    def _run(self, client: int) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)) as connection:
            for number in range(self.requests):
                if self._enough.wait(self.pause):
                    break
                self.outcomes.append(visit(connection, client * self.requests + number))
                if client % 2 or self.outcomes[-1].fault:
                    connection.close()


def visit(connection: http.client.HTTPConnection, number: int) -> Outcome:
    """Erase from the picture of that number, fetch the result, and compare."""
    began = time.monotonic()
    sent = picture(number)
    body = body_of([file_part("image", sent), file_part("user_mask", MASK)])
    headers = {"Content-Type": content_type(), "ailabapi-api-key": KEY}
    try:
        answer = _exchange(connection, "POST", PATH, body, headers)
        if answer.status_code != 200:
            return Outcome(began, None, f"{answer.status_code} {answer.content!r}", _is_envelope(answer))
        link = str(json.loads(answer.content)["data"]["image_url"])
        result = _exchange(connection, "GET", urlsplit(link).path)
    except (OSError, http.client.HTTPException) as error:
        return Outcome(began, None, repr(error))
    if result.status_code != 200:
        return Outcome(began, link, f"the link: {result.status_code} {result.content!r}", honest=False)
    different = changed(sent, result.content)
    different[BOX[1] : BOX[3], BOX[0] : BOX[2]] = False
    wrong = bool(different.any())
    return Outcome(began, link, "another picture" if wrong else None, honest=not wrong)


def _exchange(connection: http.client.HTTPConnection, method: str, target: str, *rest: Any) -> RawAnswer:
    connection.request(method, target, *rest)
    answer = connection.getresponse()
    return RawAnswer(answer.status, answer.headers, answer.read())


def _is_envelope(answer: RawAnswer) -> bool:
    """Whether it is a failure in the vendor's form, from the server or from the load balancer."""
    try:
        assert_failure(answer, json.loads(answer.content)["error_code_str"], status=answer.status_code)
    except (AssertionError, ValueError, KeyError):
        return False
    return True
