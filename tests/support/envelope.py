"""Assertions about the vendor's envelope: for success and for failure."""

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any, Protocol

#: The vendor's published table, as far as this endpoint needs it: code -> HTTP status, fixed text.
VENDOR = {
    "ERROR_PARAMETERS": (400, "Invalid parameters."),
    "MISSING_PARAMETERS": (400, "Missing parameters."),
    "ERROR_INVALID_PARAMETER": (400, "Invalid parameter."),
    "PARAMETERS_CANNOT_EMPTY": (400, "Parameters cannot be empty."),
    "UNSUPPORTED_PARAMETER_VALUES": (400, "Invalid parameter values."),
    "ERROR_MASK_IMAGE_RESOLUTION_MISMATCH": (400, "Resolution of `mask` and `image` must be the same."),
    "ERROR_USER_NOT_EXISTS": (401, "The user does not exist."),
    "ERROR_APPLICATIONS_NOT_EXISTS": (401, "The application does not exist."),
    "ERROR_USER_LOCKED": (403, "The user is locked."),
    "ERROR_ILLEGAL_OPERATION": (403, "Illegal operation."),
    "ERROR_AI_NOT_EXISTS": (404, "AI does not exist or has been deactivated, please contact the platform."),
    "ERROR_FILE_NOT_FOUND": (404, "File not found."),
    "ERROR_TOO_MANY_FILES": (413, "Number of files exceeds the limit."),
    "FILE_SIZE_EXCEEDS_LIMIT": (413, "File size exceeds limit."),
    "FILE_RESOLUTION_EXCEEDS_LIMITS": (413, "File resolution exceeds limits."),
    "ERROR_REQUEST_BODY_TOO_LARGE": (413, "Request body size exceeds limit."),
    "UNSUPPORTED_FILE_TYPES": (415, "Unsupported file types."),
    "FILE_DECODING_FAILURE": (422, "File decoding failed."),
    "ERROR_LOW_RESOLUTION": (422, "File resolution too low."),
    "EXCEEDING_LIMITS": (429, "Exceeds limit."),
    "PROCESSING_FAILURE": (500, "Processing failed."),
    "UNKNOWN_ERROR": (500, "Unknown error. Please try again later. If not resolved promptly, contact the platform."),
    "FILE_SERVICE_ERROR": (
        502,
        "File service error. Please try again later. If not resolved promptly, contact the platform.",
    ),
    "ERROR_INSUFFICIENT_RESOURCES": (503, "Insufficient resources."),
    "AI_SERVICE_TIMEOUT": (
        504,
        "AI service timeout. Please try again later. If not resolved promptly, contact the platform.",
    ),
}

REQUEST_ID = re.compile(r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}")
LOG_ID = re.compile(r"[1-9][0-9]*")
#: <group>/<operation>/<YYYY-MM-DD>/<HHMMSS>-<uuid>-<unix seconds>.<jpg|png>, no query.
RESULT_PATH = re.compile(
    r"/[^/?#]+/[^/?#]+/(?P<date>\d{4}-\d{2}-\d{2})/(?P<time>\d{6})"
    r"-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-(?P<unix>\d{10})\.(?P<suffix>jpg|png)"
)
_PUBLIC = ["request_id", "log_id", "error_code", "error_code_str", "error_msg", "error_detail"]
_DETAIL = ["status_code", "code", "code_message", "message"]
_LEAK = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|/tmp/|/home/|/root/|/usr/|/proc/|Errno|os error|0x[0-9a-f]{6}"
)


class Answer(Protocol):
    """The common interface of httpx.Response and answers from raw sockets."""

    @property
    def status_code(self) -> int: ...

    @property
    def content(self) -> bytes: ...

    @property
    def headers(self) -> Any: ...


def assert_success(answer: Answer, base: str, suffix: str | None = None) -> str:
    """Assert that the answer is the vendor's success with a link below base. Returns the link."""
    data = assert_data(answer)
    assert list(data) == ["image_url"]
    _assert_result_url(data["image_url"], base, suffix)
    return data["image_url"]


def assert_image_data(answer: Answer) -> bytes:
    """Assert that the answer is the vendor's success with the result itself. Returns the result."""
    data = assert_data(answer)
    assert list(data) == ["binary_data_base64"]
    (text,) = data["binary_data_base64"]
    assert type(text) is str
    return base64.b64decode(text, validate=True)


def assert_data(answer: Answer) -> Any:
    """Assert that the answer is the vendor's success. Returns its data."""
    assert answer.status_code == 200, answer.content
    body = _body(answer)
    assert list(body) == [*_PUBLIC, "data"]
    _assert_ids(body)
    assert type(body["error_code"]) is int
    assert body["error_code"] == 0
    assert body["error_code_str"] == ""
    assert body["error_msg"] == ""
    _assert_detail(body["error_detail"], 200, "", "", "")
    return body["data"]


def assert_failure(answer: Answer, code: str, *says: str, status: int | None = None) -> str:
    """Assert that the answer is the vendor's failure with this code and texts in its message. Returns the message.

    status: if HTTP requires another status than the vendor's table.
    """
    expected_status, text = VENDOR[code]
    expected_status = status or expected_status
    assert answer.status_code == expected_status, (answer.status_code, answer.content)
    body = _body(answer)
    assert list(body) == _PUBLIC
    _assert_ids(body)
    assert type(body["error_code"]) is int
    assert body["error_code"] == expected_status
    assert body["error_code_str"] == code
    message = body["error_msg"]
    _assert_detail(body["error_detail"], expected_status, code, text, message)
    assert message.startswith(f"{text} - ")
    assert len(message) > len(f"{text} - ")
    assert "\n" not in message
    for words in says:
        assert words in message
    assert not _LEAK.search(answer.content.decode()), answer.content
    return message


def _body(answer: Answer) -> dict[str, Any]:
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert int(answer.headers["content-length"]) == len(answer.content)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), "a key stands twice"
        return dict(pairs)

    body = json.loads(answer.content, object_pairs_hook=once)
    assert type(body) is dict
    return body


def _assert_ids(body: dict[str, Any]) -> None:
    assert type(body["request_id"]) is str
    assert REQUEST_ID.fullmatch(body["request_id"])
    assert type(body["log_id"]) is str
    assert LOG_ID.fullmatch(body["log_id"])


def _assert_detail(detail: dict[str, Any], status: int, code: str, code_message: str, message: str) -> None:
    assert list(detail) == _DETAIL
    assert type(detail["status_code"]) is int
    assert detail == {"status_code": status, "code": code, "code_message": code_message, "message": message}


def _assert_result_url(url: Any, base: str, suffix: str | None) -> None:
    assert type(url) is str
    assert url.startswith(base)
    match = RESULT_PATH.fullmatch(url.removeprefix(base))
    assert match, url
    made = datetime.fromtimestamp(int(match["unix"]), UTC)
    assert (match["date"], match["time"]) == (f"{made:%Y-%m-%d}", f"{made:%H%M%S}")
    assert suffix in (None, match["suffix"])
