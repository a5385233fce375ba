"""The vendor's own client on every endpoint of the family, and on what it asks about credits and tasks."""

import asyncio
import base64
import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from ailabtools import AILabApiError, AILabClient
from ailabtools.generated.endpoints import CommonQueryCreditsResponseData
from PIL import Image

from support.envelope import LOG_ID, REQUEST_ID, VENDOR
from support.family import ADVANCED, BOX, FAMILY, IMAGE, JPEG, MASK, SIZE, Member
from support.pictures import bounds, boxed, changed, file_of, mask_file, photo_file
from support.server import KEY, Server, StartServer

MEGABYTE = 1024 * 1024
every_endpoint = pytest.mark.parametrize("member", FAMILY.values(), ids=FAMILY.keys())


def ask(server: Server, call: Callable[[AILabClient], Any], key: str = KEY) -> dict[str, Any]:
    async def asked() -> dict[str, Any]:
        client = AILabClient(key, base_url=server.base)
        try:
            return await call(client)
        finally:
            await client.aclose()

    return asyncio.run(asked())


def erase(server: Server, member: Member, key: str = KEY, **changes: Any) -> dict[str, Any]:
    params = {"image": IMAGE, member.sdk_mask: MASK}
    params |= {member.sdk_mask if name == "mask" else name: value for name, value in changes.items()}
    return ask(server, lambda client: getattr(client.image, member.sdk_method)(params), key)


def picture(answer: dict[str, Any]) -> bytes:
    """What the client gets to see in the end."""
    if "image_url" in answer["data"]:
        return httpx.get(answer["data"]["image_url"], trust_env=False, verify=False).content
    (text,) = answer["data"]["binary_data_base64"]
    return base64.b64decode(text)


def assert_error(raised: AILabApiError, code: str) -> None:
    status, text = VENDOR[code]
    detail = raised.detail
    assert detail is not None
    assert (detail.status_code, detail.code, detail.code_message) == (status, code, text)
    assert str(raised) == detail.message
    assert detail.message.startswith(f"{text} - ")
    assert REQUEST_ID.fullmatch(raised.request_id)
    assert LOG_ID.fullmatch(raised.log_id)
    assert raised.raw["error_code"] == status


@every_endpoint
@pytest.mark.parametrize("wrap", [bytes, io.BytesIO])
def test_erases(server: Server, member: Member, wrap: Callable[[bytes], Any]) -> None:
    answer = erase(server, member, image=wrap(IMAGE), mask=wrap(MASK))
    assert answer["error_code"] == 0
    left, top, right, bottom = bounds(changed(IMAGE, picture(answer))) or (0, 0, 0, 0)
    reach = member.reach
    assert left in range(BOX[0] - reach, BOX[0] + 2)
    assert top in range(BOX[1] - reach, BOX[1] + 2)
    assert right in range(BOX[2] - 1, BOX[2] + reach + 1)
    assert bottom in range(BOX[3] - 1, BOX[3] + reach + 1)


@every_endpoint
@pytest.mark.parametrize(("format", "starts"), [("JPEG", b"\xff\xd8\xff"), ("PNG", b"\x89PNG")])
def test_format_comes_back(server: Server, member: Member, format: str, starts: bytes) -> None:
    assert picture(erase(server, member, image=photo_file(format, SIZE))).startswith(starts)


@pytest.mark.parametrize("format", ["BMP", "WEBP"])
@pytest.mark.parametrize("member", [member for member in FAMILY.values() if member is not ADVANCED])
def test_other_formats_become_png(server: Server, member: Member, format: str) -> None:
    image, mask = photo_file(format, SIZE), file_of(boxed(SIZE, BOX), format)
    assert picture(erase(server, member, image=image, mask=mask)).startswith(b"\x89PNG")


@pytest.mark.parametrize("member", [member for member in FAMILY.values() if member.path.count("remove")])
def test_five_megabytes(server: Server, member: Member) -> None:
    padded = JPEG + bytes(5 * MEGABYTE - len(JPEG))
    assert picture(erase(server, member, image=padded)).startswith(b"\xff\xd8\xff")
    with pytest.raises(AILabApiError) as raised:
        erase(server, member, image=padded + b"\0")
    assert_error(raised.value, "FILE_SIZE_EXCEEDS_LIMIT")


def test_snake_case_name(server: Server) -> None:
    params = {"image": IMAGE, "mask": MASK}
    assert picture(ask(server, lambda client: client.image.remove_objects(params))).startswith(b"\x89PNG")


FAILURES = {
    "unknown key": ("ERROR_APPLICATIONS_NOT_EXISTS", {"key": "unknown"}),
    "no key": ("ERROR_USER_NOT_EXISTS", {"key": ""}),
    "no picture": ("UNSUPPORTED_FILE_TYPES", {"image": b"GIF89a"}),
    "broken picture": ("FILE_DECODING_FAILURE", {"image": IMAGE[:200]}),
    "empty picture": ("PARAMETERS_CANNOT_EMPTY", {"image": b""}),
    "other size": ("ERROR_MASK_IMAGE_RESOLUTION_MISMATCH", {"mask": mask_file((96, 79))}),
    "side too long": ("FILE_RESOLUTION_EXCEEDS_LIMITS", {"image": file_of(Image.new("RGB", (4097, 65)))}),
    "much too large": ("ERROR_REQUEST_BODY_TOO_LARGE", {"image": bytes(30 * MEGABYTE)}),
    "all white": ("UNSUPPORTED_PARAMETER_VALUES", {"mask": file_of(boxed(SIZE, (0, 0, *SIZE)))}),
}


@every_endpoint
@pytest.mark.parametrize(("code", "change"), FAILURES.values(), ids=FAILURES.keys())
def test_failure(server: Server, member: Member, code: str, change: dict[str, Any]) -> None:
    with pytest.raises(AILabApiError) as raised:
        erase(server, member, **change)
    assert_error(raised.value, code)


ADVANCED_FAILURES = {
    "BMP": ("UNSUPPORTED_FILE_TYPES", {"image": photo_file("BMP", SIZE)}),
    "WEBP mask": ("UNSUPPORTED_FILE_TYPES", {"mask": file_of(boxed(SIZE, BOX), "WEBP", lossless=True)}),
    "64 wide": ("ERROR_LOW_RESOLUTION", {"image": photo_file(size=(64, 80)), "mask": mask_file((64, 80))}),
    "64 high": ("ERROR_LOW_RESOLUTION", {"image": photo_file(size=(80, 64)), "mask": mask_file((80, 64))}),
    "steps": ("UNSUPPORTED_PARAMETER_VALUES", {"steps": 0}),
    "dilateSize": ("UNSUPPORTED_PARAMETER_VALUES", {"dilateSize": 0}),
    "quality": ("UNSUPPORTED_PARAMETER_VALUES", {"quality": "best"}),
}


@pytest.mark.parametrize(("code", "change"), ADVANCED_FAILURES.values(), ids=ADVANCED_FAILURES.keys())
def test_failure_of_the_advanced_endpoint(server: Server, code: str, change: dict[str, Any]) -> None:
    with pytest.raises(AILabApiError) as raised:
        erase(server, ADVANCED, **change)
    assert_error(raised.value, code)


def test_parameters(server: Server) -> None:
    answer = erase(
        server, ADVANCED, steps=50, strength=0.5, scale=12.5, seed=-1, dilateSize=4, quality="H", image=IMAGE
    )
    left, _, right, _ = bounds(changed(IMAGE, picture(answer))) or (0, 0, 0, 0)
    assert BOX[0] - 4 <= left < BOX[0]
    assert BOX[2] < right <= BOX[2] + 4


def test_credits(start_server: StartServer) -> None:
    own = start_server(credits=2500.5)
    answer = ask(own, lambda client: client.common.commonQueryCredits({}))
    (account,) = answer["data"]
    names = CommonQueryCreditsResponseData.__annotations__
    assert len(account) == len(names)
    assert (account["balance"], account["total"]) == (2500.5, 2500.5)


def test_credits_need_a_key(server: Server) -> None:
    with pytest.raises(AILabApiError) as raised:
        ask(server, lambda client: client.common.commonQueryCredits({}), "unknown")
    assert_error(raised.value, "ERROR_APPLICATIONS_NOT_EXISTS")


def test_no_task_was_ever_made(server: Server) -> None:
    with pytest.raises(AILabApiError) as raised:
        ask(server, lambda client: client.common.commonQueryAsyncTaskResult({"taskId": "abc"}))
    assert_error(raised.value, "ERROR_INVALID_PARAMETER")


def test_waiting_for_a_task_ends_at_once(server: Server) -> None:
    with pytest.raises(AILabApiError) as raised:
        ask(server, lambda client: client.wait_for_task("abc"))
    assert_error(raised.value, "ERROR_INVALID_PARAMETER")
