"""The vendor's SDKs for other languages, byte for byte, on every endpoint."""

from collections.abc import Mapping
from typing import Any

import pytest

from support.envelope import assert_data, assert_failure
from support.family import ADVANCED, BOX, FAMILY, IMAGE, JPEG, MASK, SIZE, Member
from support.pictures import bounds, changed, mask_file, pixels_of
from support.raw import RawAnswer, exchange
from support.sdks import SDKS, Sdk
from support.server import KEY, Server

every_sdk = pytest.mark.parametrize("sdk", SDKS.values(), ids=SDKS.keys())
every_endpoint = pytest.mark.parametrize("member", FAMILY.values(), ids=FAMILY.keys())


def send(server: Server, sdk: Sdk, member: Member, fields: Mapping[str, Any], key: str = KEY) -> RawAnswer:
    return exchange(server.client.address, sdk.request(member.path, dict(fields), server.client.address, key))


def assert_erased(result: bytes, reach: int) -> None:
    """The box has been erased and nothing farther from it than the mask may grow."""
    left, top, right, bottom = bounds(changed(IMAGE, result)) or (0, 0, 0, 0)
    assert (right - left) * (bottom - top) > 0
    assert left >= BOX[0] - reach
    assert top >= BOX[1] - reach
    assert right <= BOX[2] + reach
    assert bottom <= BOX[3] + reach


@every_sdk
@every_endpoint
def test_success(server: Server, sdk: Sdk, member: Member) -> None:
    answer = send(server, sdk, member, {"image": IMAGE, member.mask: MASK})
    assert_erased(member.picture(answer, server.client, "png"), member.reach)


@every_sdk
@every_endpoint
def test_jpeg(server: Server, sdk: Sdk, member: Member) -> None:
    answer = send(server, sdk, member, {"image": JPEG, member.mask: MASK})
    result = member.picture(answer, server.client, "jpg")
    assert result.startswith(b"\xff\xd8\xff")
    assert pixels_of(result).shape == (SIZE[1], SIZE[0], 3)


@every_sdk
@every_endpoint
def test_failure(server: Server, sdk: Sdk, member: Member) -> None:
    other = {"image": IMAGE, member.mask: mask_file((96, 79))}
    assert_failure(send(server, sdk, member, other), "ERROR_MASK_IMAGE_RESOLUTION_MISMATCH", "mask", "96x79")
    assert_failure(send(server, sdk, member, {"image": IMAGE}), "MISSING_PARAMETERS", member.mask)
    wrong = send(server, sdk, member, {"image": IMAGE, member.mask: MASK}, key="unknown")
    assert_failure(wrong, "ERROR_APPLICATIONS_NOT_EXISTS")


@every_sdk
def test_parameters(server: Server, sdk: Sdk) -> None:
    """All of them arrive as the numbers that they are, however the language prints them."""
    fields = {"image": IMAGE, "mask": MASK, "steps": 30, "strength": 0.8, "scale": 7.0, "seed": 5, "quality": "H"}
    result = ADVANCED.picture(send(server, sdk, ADVANCED, fields | {"dilate_size": 3}), server.client)
    assert_erased(result, 3)
    for name, value in (("steps", 0), ("strength", 1.5), ("scale", 20.5), ("seed", -2), ("quality", "X")):
        answer = send(server, sdk, ADVANCED, fields | {name: value})
        assert_failure(answer, "UNSUPPORTED_PARAMETER_VALUES", f"{name}: Must be ")


@every_sdk
def test_account(server: Server, sdk: Sdk) -> None:
    def ask(target: str) -> RawAnswer:
        return exchange(server.client.address, sdk.query(target, server.client.address, KEY), "GET")

    (account,) = assert_data(ask("/api/common/query-credits"))
    assert account["unique_sign"] == "common"
    assert_failure(ask("/api/common/query-async-task-result?task_id=abc"), "ERROR_INVALID_PARAMETER", "task_id")
