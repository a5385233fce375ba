"""Parse the answers of a server. Everything in them is validated before use."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from image_erase.batch.failures import BROKEN_ANSWER, Failure, PictureFailed
from image_erase.batch.retries import Passing
from image_erase.imaging.header import format_of

# Statuses with which every other image would fail too. Exception: before 2026 the vendor answered 403 with the code
# ERROR_ILLEGAL_FILE for a bad image.
_FATAL_STATUSES = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405})
_FATAL_CODES = frozenset({"ERROR_NOT_ENOUGH_CREDITS"})
_ABOUT_THE_PICTURE = frozenset({"ERROR_ILLEGAL_FILE"})
# 408: the body did not arrive in time, which may be temporary.
_PASSING_STATUSES = frozenset({408, 429})
_MESSAGE_CHARACTERS = 500


@dataclass(frozen=True)
class Answer:
    """An HTTP response. retry_after, location: the headers, unparsed; empty if missing."""

    status: int
    body: bytes
    retry_after: str = ""
    location: str = ""


def link_in(answer: Answer, now: Callable[[], float] = time.time) -> str:
    """Return the link to the result from the answer to a POST. Raises PictureFailed or Passing."""
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
    """Return the image from the answer to a GET of the link. Raises PictureFailed or Passing."""
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
    passing = status in _PASSING_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if passing and code not in _FATAL_CODES:
        return Passing(failure, _seconds(answer.retry_after, now))
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
