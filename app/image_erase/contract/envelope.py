"""The JSON object of every answer; its keys are spelled only here."""

import base64
from collections.abc import Iterator
from typing import Any

from starlette.responses import JSONResponse

from image_erase.contract.errors import ApiError
from image_erase.http.identity import RequestIds

# A multiple of three, whose base64 needs no padding.
_PIECE_BYTES = 48 * 1024


def _envelope(ids: RequestIds, status: int, code: str, code_message: str, message: str) -> dict[str, Any]:
    return {
        "request_id": ids.request_id,
        "log_id": ids.log_id,
        "error_code": 0 if status == 200 else status,
        "error_code_str": code,
        "error_msg": message,
        "error_detail": {
            "status_code": status,
            "code": code,
            "code_message": code_message,
            "message": message,
        },
    }


def success(ids: RequestIds, data: Any) -> dict[str, Any]:
    """Return the JSON of a success. data: the value of `data`."""
    return _envelope(ids, 200, "", "", "") | {"data": data}


def image_url(url: str) -> dict[str, str]:
    """Return the `data` of an answer with a result link."""
    return {"image_url": url}


def image_data(image: bytes | bytearray) -> dict[str, list[str]]:
    """Return the `data` of an answer that contains the result."""
    return {"binary_data_base64": [base64.b64encode(image).decode("ascii")]}


class ImageBody:
    """The JSON of an answer that contains the result, in pieces.

    A result may have tens of megabytes, and its base64 text a third more.
    """

    def __init__(self, ids: RequestIds, image: bytes | bytearray) -> None:
        empty = JSONResponse(success(ids, image_data(b""))).body
        head, _, tail = bytes(empty).rpartition(b'""')
        self._head, self._image, self._tail = head + b'"', image, b'"' + tail

    def __len__(self) -> int:
        """Return its length in bytes."""
        return len(self._head) + 4 * -(-len(self._image) // 3) + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        """Yield its bytes in order."""
        yield self._head
        with memoryview(self._image) as image:
            for start in range(0, len(image), _PIECE_BYTES):
                yield base64.b64encode(image[start : start + _PIECE_BYTES])
        yield self._tail


def credit_account(amount: float, since: int) -> dict[str, str | float | int]:
    """Return one entry of the `data` of a credits query. since: whole Unix seconds, which must fit in 32 bits.

    The vendor types amounts as floats and times as integers.
    """
    return {
        "unique_sign": "common",
        "name": "Universal credits (all APIs supported)",
        "balance": float(amount),
        "total": float(amount),
        "last_recharge_balance": float(amount),
        "balance_warning": 0.0,
        "first_buy_time": since,
        "last_update_time": since,
    }


def failure(ids: RequestIds, error: ApiError) -> dict[str, Any]:
    """Return the JSON of a failure. It has no `data`."""
    return _envelope(ids, error.status, error.code.name, error.code.text, error.message)


def success_response(ids: RequestIds, data: Any) -> JSONResponse:
    """Return HTTP 200 with the success envelope."""
    return JSONResponse(success(ids, data))
