"""The JSON object of every answer, as models: what is sent, and what the OpenAPI document says of it."""

import base64
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from image_erase.contract.errors import ApiError
from image_erase.http.identity import RequestIds

# A multiple of three, whose base64 needs no padding.
_PIECE_BYTES = 48 * 1024


class ErrorDetail(BaseModel):
    """The outcome once more. All texts are empty on success."""

    status_code: int = Field(description="The HTTP status", examples=[200])
    code: str
    code_message: str
    message: str


class Envelope(BaseModel):
    """What success and failure have in common."""

    request_id: str = Field(description="Also in the server's log", examples=["A6697900-DAA5-510F-BF1E-12F51DAD40D1"])
    log_id: str = Field(description="Also in the server's log", examples=["77496025"])
    error_code: int = Field(description="0, or the HTTP status of a failure", examples=[0])
    error_code_str: str = Field(description="The vendor's code of a failure, else empty")
    error_msg: str = Field(description="What is wrong, else empty")
    error_detail: ErrorDetail


class Failure(Envelope):
    """The answer to a request that failed. It has no `data`."""


class ImageUrl(BaseModel):
    """Where the result is."""

    image_url: str = Field(description="A link that needs no key", examples=["https://example.com/result.png"])


class ImageUrlAnswer(Envelope):
    """Success, with a link to the result."""

    data: ImageUrl


class ImageData(BaseModel):
    """The result itself."""

    binary_data_base64: list[str] = Field(description="One string: the file in base64", examples=[["cmVzdWx0"]])


class ImageDataAnswer(Envelope):
    """Success, with the result itself."""

    data: ImageData


class CreditAccount(BaseModel):
    """Credits of one kind. The vendor types amounts as floats and times as integers, in whole Unix seconds."""

    unique_sign: str = Field(examples=["common"])
    name: str = Field(examples=["Universal credits (all APIs supported)"])
    balance: float = Field(examples=[1000000.0])
    total: float = Field(examples=[1000000.0])
    last_recharge_balance: float = Field(examples=[1000000.0])
    balance_warning: float = Field(examples=[0.0])
    first_buy_time: int = Field(examples=[1767225600])
    last_update_time: int = Field(examples=[1767225600])


class CreditsAnswer(Envelope):
    """Success, with the credits of the key."""

    data: list[CreditAccount]


Answer = TypeVar("Answer", ImageUrlAnswer, ImageDataAnswer, CreditsAnswer)


def success(kind: type[Answer], ids: RequestIds, data: Any) -> Answer:
    """Return the answer of a success. data: of the answer's own kind."""
    return kind(**_common(ids, 200, "", "", ""), data=data)


def failure(ids: RequestIds, error: ApiError) -> Failure:
    """Return the answer of a failure."""
    return Failure(**_common(ids, error.status, error.code.name, error.code.text, error.message))


def _common(ids: RequestIds, status: int, code: str, code_message: str, message: str) -> dict[str, Any]:
    return {
        "request_id": ids.request_id,
        "log_id": ids.log_id,
        "error_code": 0 if status == 200 else status,
        "error_code_str": code,
        "error_msg": message,
        "error_detail": ErrorDetail(status_code=status, code=code, code_message=code_message, message=message),
    }


def credit_account(amount: float, since: int) -> CreditAccount:
    """Return one entry of the `data` of a credits query. since: whole Unix seconds, which must fit in 32 bits."""
    return CreditAccount(
        unique_sign="common",
        name="Universal credits (all APIs supported)",
        balance=amount,
        total=amount,
        last_recharge_balance=amount,
        balance_warning=0.0,
        first_buy_time=since,
        last_update_time=since,
    )


class ImageBody:
    """The JSON of an ImageDataAnswer, in pieces.

    A result may have tens of megabytes, and its base64 text a third more.
    """

    def __init__(self, ids: RequestIds, image: bytes | bytearray) -> None:
        empty = success(ImageDataAnswer, ids, ImageData(binary_data_base64=[""])).model_dump_json().encode()
        head, _, tail = empty.rpartition(b'""')
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
