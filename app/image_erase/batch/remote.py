"""Erase by a server with the Image Erasure API: one of this project, or the vendor's."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from image_erase.batch.failures import BROKEN_ANSWER, UNREACHABLE, Failure, PictureFailed
from image_erase.batch.run import Erased
from image_erase.contract.endpoints import HEADER, IMAGE_ERASE
from image_erase.imaging.header import SUFFIXES, format_of

Outcome = TypeVar("Outcome")

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0
#: Upper bound for Retry-After, in seconds.
MOST_RETRY_AFTER = 300.0


class Temporary(Exception):
    """A failure that may be temporary. retry_after: seconds that the server asked to wait."""

    def __init__(self, failure: Failure, retry_after: float = 0.0) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.retry_after = retry_after


@dataclass(frozen=True)
class Retries:
    """Retry policy. most: number of retries. sleep, uniform: replaced in tests."""

    most: int
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    uniform: Callable[[float, float], float] = random.uniform

    async def of(self, attempt: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Return the result of the first attempt that does not raise Temporary. Raises PictureFailed after the last."""
        tries = 0
        while True:
            tries += 1
            try:
                return await attempt()
            except Temporary as error:
                if tries > self.most:
                    raise PictureFailed(error.failure.after(tries)) from None
                await self.sleep(self._pause(tries, error.retry_after))
            except PictureFailed as error:
                raise PictureFailed(error.failure.after(tries)) from None

    def _pause(self, tries: int, retry_after: float) -> float:
        """Add jitter to the time that the server asked for, so that not all clients return at once."""
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** (tries - 1))
        return min(retry_after, MOST_RETRY_AFTER) + self.uniform(0, longest)


# Statuses with which every other image would fail too. Exception: before 2026 the vendor answered 403 with the code
# ERROR_ILLEGAL_FILE for a bad image.
_FATAL_STATUSES = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405})
_FATAL_CODES = frozenset({"ERROR_NOT_ENOUGH_CREDITS"})
_ABOUT_THE_PICTURE = frozenset({"ERROR_ILLEGAL_FILE"})
# 408: the body did not arrive in time, which may be temporary.
_TEMPORARY_STATUSES = frozenset({408, 429})
_MESSAGE_CHARACTERS = 500


@dataclass(frozen=True)
class Answer:
    """An HTTP response. retry_after, location: the headers, unparsed; empty if missing."""

    status: int
    body: bytes
    retry_after: str = ""
    location: str = ""


def link_in(answer: Answer, now: Callable[[], float] = time.time) -> str:
    """Return the link to the result from the answer to a POST. Raises PictureFailed or Temporary."""
    envelope = _envelope(answer)
    code = envelope.get("error_code", 0)
    if answer.status != HTTPStatus.OK or (isinstance(code, int) and code != 0):
        raise _refusal(answer, envelope, now)
    data = envelope.get("data")
    link = data.get("image_url") if isinstance(data, dict) else None
    if code != 0 or not isinstance(link, str) or not _is_http(link):
        raise broken(answer.status, "the server's answer has no link to a result")
    return link


def result_in(answer: Answer, now: Callable[[], float] = time.time) -> bytes:
    """Return the image from the answer to a GET of the link. Raises PictureFailed or Temporary."""
    if answer.status != HTTPStatus.OK:
        envelope = _envelope(answer)
        raise _refusal(answer, envelope, now, of="the result's link: ", may_be_fatal=False)
    if format_of(answer.body[:16]) not in ("JPEG", "PNG"):
        raise broken(answer.status, "the result is neither JPEG nor PNG")
    return answer.body


def broken(status: int | None, message: str) -> PictureFailed:
    """Return the failure for an answer that cannot be used."""
    return PictureFailed(Failure(BROKEN_ANSWER, message, status))


def _refusal(
    answer: Answer, envelope: dict[str, Any], now: Callable[[], float], of: str = "", may_be_fatal: bool = True
) -> Exception:
    code = _text(envelope.get("error_code_str")) or f"HTTP_{answer.status}"
    said = envelope.get("error_code")
    # If the HTTP status means success, the error code in the body decides.
    status = said if answer.status < 300 and isinstance(said, int) and said else answer.status
    fatal = code in _FATAL_CODES or (status in _FATAL_STATUSES and code not in _ABOUT_THE_PICTURE)
    message = of + (_text(envelope.get("error_msg")) or _status_text(answer))
    failure = Failure(code, message, answer.status, fatal=fatal and may_be_fatal)
    is_temporary = status in _TEMPORARY_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if is_temporary and code not in _FATAL_CODES:
        return Temporary(failure, _seconds(answer.retry_after, now))
    return PictureFailed(failure)


def _envelope(answer: Answer) -> dict[str, Any]:
    try:
        envelope = json.loads(answer.body)
    except (ValueError, RecursionError):
        envelope = None
    if isinstance(envelope, dict):
        return envelope
    if answer.status == HTTPStatus.OK:
        raise broken(answer.status, "the server's answer is not a JSON object")
    return {}


def _text(value: object) -> str:
    return value[:_MESSAGE_CHARACTERS] if isinstance(value, str) else ""


def _status_text(answer: Answer) -> str:
    names = {status.value: status.phrase for status in HTTPStatus}
    text = f"the server answered {answer.status} {names.get(answer.status, '')}".rstrip()
    return f"{text}, to {answer.location[:_MESSAGE_CHARACTERS]}" if answer.location else text


def _is_http(link: str) -> bool:
    try:
        parts = urlsplit(link)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _seconds(retry_after: str, now: Callable[[], float]) -> float:
    """Return `Retry-After`, a number or a date, in seconds; 0 if it is neither."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now())
    except (ValueError, OverflowError):
        return 0.0


MEBIBYTE = 1024 * 1024
ANSWER_BYTES = MEBIBYTE
# Twice the size of the largest result: 4096x4096 with four 16-bit channels of noise.
RESULT_BYTES = 256 * MEBIBYTE
# Longest pause between two bytes, and longest time for a whole answer.
_SILENT_SECONDS, _WHOLE_SECONDS = 60.0, 300.0


class RemoteEraser:
    """Erases through a server. The key is sent only to that server, not to the hosts of its links."""

    def __init__(self, base_url: str, key: str, *, connections: int, retries: Retries) -> None:
        """base_url: the part before /api/. connections: number of images in progress at the same time."""
        self._url = base_url.rstrip("/") + IMAGE_ERASE.path
        self._headers = {HEADER: key}
        self._connections = connections
        self._retries = retries

    async def __aenter__(self) -> Self:
        """Create the client; no connection is opened yet."""
        self._web = httpx.AsyncClient(
            timeout=httpx.Timeout(_SILENT_SECONDS, connect=10.0, pool=None),
            limits=httpx.Limits(max_connections=self._connections),
            follow_redirects=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._web.aclose()

    async def erase(self, image: bytes, mask: bytes) -> Erased:
        """See PictureEraser. If the download fails, only the download is retried: erasing again may cost again."""
        link = await self._retries.of(lambda: self._ask(image, mask))
        return Erased(await self._retries.of(lambda: self._fetch(link)))

    async def _ask(self, image: bytes, mask: bytes) -> str:
        files = {"image": _part("image", image), IMAGE_ERASE.mask.name: _part("mask", mask)}
        return link_in(await self._answer("POST", self._url, ANSWER_BYTES, headers=self._headers, files=files))

    async def _fetch(self, link: str) -> bytes:
        return result_in(await self._answer("GET", link, RESULT_BYTES))

    async def _answer(self, method: str, url: str, most_bytes: int, **options: Any) -> Answer:
        try:
            async with asyncio.timeout(_WHOLE_SECONDS), self._web.stream(method, url, **options) as response:
                body = await _body(response, most_bytes)
        except (httpx.TransportError, TimeoutError) as error:
            host = httpx.URL(url).host
            raise Temporary(Failure(UNREACHABLE, f"{host}: {error or type(error).__name__}")) from None
        except (httpx.InvalidURL, httpx.DecodingError) as error:
            raise broken(None, f"the server's answer can't be used ({type(error).__name__})") from None
        headers = response.headers
        return Answer(response.status_code, body, headers.get("retry-after", ""), headers.get("location", ""))


def _part(name: str, data: bytes) -> tuple[str, bytes]:
    """Return a file for httpx under a neutral name, so that the user's file names are not sent."""
    return f"{name}.{SUFFIXES.get(format_of(data[:16]) or '', 'bin')}", data


async def _body(response: httpx.Response, most_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most_bytes:
            raise broken(response.status_code, f"the server's answer has more than {most_bytes} bytes")
    return bytes(body)
