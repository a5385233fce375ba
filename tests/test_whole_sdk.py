"""The vendor's own client, pointed at this server."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from ailabtools import AILabApiError, AILabClient

from support.envelope import LOG_ID, REQUEST_ID, VENDOR
from support.pictures import BOX, black, bounds, changed, file_of, mask_file, photo, photo_file, pixels_of
from support.server import KEY, Server


def erase(server: Server, image: Any, mask: Any, key: str = KEY) -> dict[str, Any]:
    async def call() -> dict[str, Any]:
        client = AILabClient(key, base_url=server.base)
        try:
            return await client.image.imageErasure({"image": image, "userMask": mask})
        finally:
            await client.aclose()

    return asyncio.run(call())


def fetch(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, verify=False)


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, io.BytesIO])
def test_erases(server: Server, wrap: Callable[[bytes], Any]) -> None:
    answer = erase(server, wrap(photo_file()), wrap(mask_file()))
    assert answer["error_code"] == 0
    assert answer["error_detail"]["code"] == ""
    picture = fetch(answer["data"]["image_url"])
    assert picture.status_code == 200
    left, top, right, bottom = bounds(changed(photo_file(), picture.content)) or (0, 0, 0, 0)
    assert (right - left) * (bottom - top) > 0
    assert left >= BOX[0]
    assert top >= BOX[1]
    assert right <= BOX[2]
    assert bottom <= BOX[3]


def test_erases_from_files_on_disk(server: Server, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(photo_file("JPEG"))
    (tmp_path / "mask.jpg").write_bytes(file_of(photo().convert("L").point(lambda value: 255 * (value > 150)), "JPEG"))
    with (tmp_path / "photo.jpg").open("rb") as image, (tmp_path / "mask.jpg").open("rb") as mask:
        answer = erase(server, image, mask)
    url = answer["data"]["image_url"]
    assert url.endswith(".jpg")
    assert pixels_of(fetch(url).content).shape == (48, 64, 3)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "WEBP"])
def test_every_format(server: Server, format: str) -> None:
    answer = erase(server, photo_file(format), mask_file())
    assert fetch(answer["data"]["image_url"]).headers["content-type"].startswith("image/")


FAILURES = {
    "unknown key": ("ERROR_APPLICATIONS_NOT_EXISTS", {"key": "unknown"}),
    "no key": ("ERROR_USER_NOT_EXISTS", {"key": ""}),
    "no picture": ("UNSUPPORTED_FILE_TYPES", {"image": b"GIF89a"}),
    "broken picture": ("FILE_DECODING_FAILURE", {"image": photo_file()[:200]}),
    "empty picture": ("PARAMETERS_CANNOT_EMPTY", {"image": b""}),
    "empty mask": ("PARAMETERS_CANNOT_EMPTY", {"mask": b""}),
    "no mask": ("UNSUPPORTED_FILE_TYPES", {"mask": b"text"}),
    "other size": ("ERROR_MASK_IMAGE_RESOLUTION_MISMATCH", {"mask": mask_file((64, 47))}),
    "side too long": ("FILE_RESOLUTION_EXCEEDS_LIMITS", {"image": photo_file(size=(4097, 1))}),
    "too large": ("FILE_SIZE_EXCEEDS_LIMIT", {"image": bytes(3 * 1024 * 1024 + 1)}),
    "much too large": ("ERROR_REQUEST_BODY_TOO_LARGE", {"image": bytes(30 * 1024 * 1024)}),
    "all white": (
        "UNSUPPORTED_PARAMETER_VALUES",
        {"mask": file_of(black().point(lambda _: 255))},
    ),
}


@pytest.mark.parametrize(("code", "change"), FAILURES.values(), ids=FAILURES.keys())
def test_failure(server: Server, code: str, change: dict[str, Any]) -> None:
    status, text = VENDOR[code]
    with pytest.raises(AILabApiError) as raised:
        erase(server, **({"image": photo_file(), "mask": mask_file()} | change))
    detail = raised.value.detail
    assert detail is not None
    assert (detail.status_code, detail.code, detail.code_message) == (status, code, text)
    assert str(raised.value) == detail.message
    assert detail.message.startswith(f"{text} - ")
    assert REQUEST_ID.fullmatch(raised.value.request_id)
    assert LOG_ID.fullmatch(raised.value.log_id)
    assert raised.value.raw["error_code"] == status


def test_several_calls_of_one_client_at_once(server: Server) -> None:
    async def call() -> list[dict[str, Any]]:
        client = AILabClient(KEY, base_url=server.base)
        try:
            params = {"image": photo_file(), "userMask": mask_file()}
            return await asyncio.gather(*(client.image.imageErasure(params) for _ in range(6)))
        finally:
            await client.aclose()

    answers = asyncio.run(call())
    for key in ("request_id", "log_id"):
        assert len({answer[key] for answer in answers}) == 6
    assert len({answer["data"]["image_url"] for answer in answers}) == 6
