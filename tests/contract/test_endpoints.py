"""The differences between the endpoints of the family."""

import re
from typing import Any

import httpx
import pytest

from image_erase.contract.endpoints import ENDPOINTS, REMOVE_OBJECTS_ADVANCED, Endpoint
from image_erase.imaging import header
from image_erase.jobs import request as jobs
from image_erase.settings import Settings
from support.documents import resolved
from support.envelope import assert_failure
from support.family import ADVANCED, BOX, ERASE, FAMILY, IMAGE, MASK, PLAIN, PRO, SIZE, Member
from support.multipart import body_of, content_type, file_part, part
from support.pictures import bounds, boxed, changed, file_of, mask_file, photo_file, pixels_of
from support.processes import until
from support.server import Client, Server, StartServer

MEGABYTE = 1024 * 1024
every_endpoint = pytest.mark.parametrize("member", FAMILY.values(), ids=FAMILY.keys())


def request_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [vars(record) for record in caplog.records if record.name == "image_erase.request"]


def test_all_endpoints_are_tested() -> None:
    assert {member.path for member in FAMILY.values()} == {endpoint.path for endpoint in ENDPOINTS}


def test_server_and_worker_mean_the_same_formats() -> None:
    assert set(jobs.FORMATS) == set(header.FORMATS)


def test_the_setting_says_what_the_endpoints_take_where_it_is_unset() -> None:
    description = Settings.model_fields["max_file_bytes"].description
    assert description
    assert {int(number) for number in re.findall(r"\d{4,}", description)} == {each.max_file_bytes for each in ENDPOINTS}
    assert Settings.model_fields["max_file_bytes"].default is None


@every_endpoint
@pytest.mark.parametrize("name", ["user_mask", "mask_image", "mask"])
def test_every_name_of_the_mask(server: Server, member: Member, name: str) -> None:
    files = {"image": ("image.png", IMAGE), name: ("mask.png", MASK)}
    member.picture(server.client.request("POST", member.path, files=files), server.client, "png")


@every_endpoint
def test_all_black_changes_nothing(server: Server, member: Member) -> None:
    answer = member.post(server.client, mask=file_of(boxed(SIZE, inside=0)))
    assert bounds(changed(IMAGE, member.picture(answer, server.client))) is None


@every_endpoint
def test_only_post(client: Client, member: Member) -> None:
    assert_failure(client.request("GET", member.path), "ERROR_ILLEGAL_OPERATION", "POST", status=405)


@pytest.mark.parametrize("member", [PLAIN, PRO, ERASE])
def test_texts_are_unknown_fields_elsewhere(server: Server, member: Member) -> None:
    answer = member.post(server.client, steps="none", dilate_size="0", quality="X")
    assert member.picture(answer, server.client)


@pytest.mark.parametrize("member", [PLAIN, PRO, ERASE])
def test_small_pictures_elsewhere(server: Server, member: Member) -> None:
    answer = member.post(server.client, photo_file(size=(2, 1)), mask_file((2, 1)))
    assert pixels_of(member.picture(answer, server.client)).shape == (1, 2, 3)


def test_65_pixels_are_enough_for_the_advanced_endpoint(server: Server) -> None:
    size = (65, 65)
    answer = ADVANCED.post(server.client, photo_file(size=size), file_of(boxed(size, (30, 30, 34, 34))))
    assert pixels_of(ADVANCED.picture(answer, server.client)).shape == (65, 65, 3)


@pytest.mark.parametrize("size", [(64, 64), (64, 65), (65, 64), (1, 4096)])
@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_64_are_not(client: Client, size: tuple[int, int], format: str) -> None:
    answer = ADVANCED.post(client, photo_file(format, size), mask_file(size))
    assert_failure(answer, "ERROR_LOW_RESOLUTION", "image", "{}x{}".format(*size), "65")


@pytest.mark.parametrize("format", ["BMP", "WEBP", "GIF"])
def test_formats_of_the_advanced_endpoint(client: Client, format: str) -> None:
    other = file_of(boxed(SIZE, BOX), format)
    assert_failure(ADVANCED.post(client, image=other), "UNSUPPORTED_FILE_TYPES", "image", "none of JPEG and PNG")
    assert_failure(ADVANCED.post(client, mask=other), "UNSUPPORTED_FILE_TYPES", "mask", "none of JPEG and PNG")


def test_the_answer_of_the_advanced_endpoint_is_kept_nowhere(start_server: StartServer) -> None:
    own = start_server()
    assert ADVANCED.picture(ADVANCED.post(own.client), own.client)
    assert own.results == []


def reach_of(server: Server, **texts: str) -> int:
    """How far from the box the picture has changed; its pixels all differ, so it changes wherever it is filled."""
    result = ADVANCED.picture(ADVANCED.post(server.client, **texts), server.client)
    left, top, right, bottom = bounds(changed(IMAGE, result)) or (0, 0, 0, 0)
    assert BOX[0] - left == BOX[1] - top == right - BOX[2] == bottom - BOX[3]
    return BOX[0] - left


@pytest.mark.parametrize(("texts", "pixels"), [({}, 15), ({"dilate_size": "1"}, 1), ({"dilate_size": "20"}, 20)])
def test_dilate_size_grows_the_hole(server: Server, texts: dict[str, str], pixels: int) -> None:
    assert reach_of(server, **texts) == pixels


def test_the_brush_is_round(server: Server) -> None:
    answer = ADVANCED.post(server.client, dilate_size="20")
    touched = changed(IMAGE, ADVANCED.picture(answer, server.client))
    assert not touched[BOX[1] - 20 : BOX[1] - 15, BOX[0] - 20 : BOX[0] - 15].any()


def test_a_hole_grown_over_everything(client: Client) -> None:
    for size in ("100", "9" * 40):
        answer = ADVANCED.post(client, dilate_size=size)
        assert_failure(answer, "UNSUPPORTED_PARAMETER_VALUES", "mask", f"grown by {size} pixels")


BAD = {"steps": "0", "strength": "1.1", "scale": "21", "seed": "-2", "dilate_size": "0", "quality": "Q"}


@pytest.mark.parametrize(("name", "value"), BAD.items())
def test_a_bad_parameter_is_refused(client: Client, name: str, value: str) -> None:
    assert_failure(ADVANCED.post(client, **{name: value}), "UNSUPPORTED_PARAMETER_VALUES", f"{name}: Must be")


def test_a_missing_file_is_named_before_a_bad_parameter(client: Client) -> None:
    answer = client.request("POST", ADVANCED.path, files={"image": ("image", IMAGE)}, data={"steps": "0"})
    assert_failure(answer, "MISSING_PARAMETERS", "mask: Cannot be empty.")


def post_parts(client: Client, *more: bytes) -> httpx.Response:
    parts = [*more, file_part("image", IMAGE), file_part("mask", MASK)]
    return client.request("POST", ADVANCED.path, content=body_of(parts), headers={"Content-Type": content_type()})


def test_a_parameter_given_twice(client: Client) -> None:
    one = part('form-data; name="steps"', b"3")
    assert_failure(post_parts(client, one, one), "UNSUPPORTED_PARAMETER_VALUES", "steps: Must be given once.")


def test_a_parameter_that_never_ends_is_not_kept(client: Client) -> None:
    answer = post_parts(client, part('form-data; name="steps"', b"1" * 60_000))
    assert_failure(answer, "UNSUPPORTED_PARAMETER_VALUES", "steps: Must be a whole number")


def test_a_parameter_sent_like_a_file(server: Server) -> None:
    """Some libraries give every part a file name."""
    answer = post_parts(server.client, file_part("dilate_size", b"2", "blob", "text/plain"))
    box = bounds(changed(IMAGE, ADVANCED.picture(answer, server.client)))
    assert box
    assert box[0] == BOX[0] - 2


EFFORTS = [
    (ERASE, {}, "normal"),
    (PLAIN, {}, "normal"),
    (PRO, {}, "best"),
    (ADVANCED, {}, "normal"),
    (ADVANCED, {"quality": "H"}, "best"),
    (ADVANCED, {"quality": "M"}, "normal"),
    (ADVANCED, {"quality": "L"}, "fast"),
]


@pytest.mark.parametrize(("member", "texts", "effort"), EFFORTS)
def test_effort_reaches_the_worker(
    client: Client, caplog: pytest.LogCaptureFixture, member: Member, texts: dict[str, str], effort: str
) -> None:
    caplog.set_level("INFO", "image_erase")
    assert member.post(client, **texts).status_code == 200
    until(lambda: request_lines(caplog), "the request is logged")
    assert request_lines(caplog)[0]["effort"] == effort


def test_seed_reaches_the_worker(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "image_erase")
    for seed in ("7", "-1", "-1"):
        assert ADVANCED.post(client, seed=seed).status_code == 200
    until(lambda: len(request_lines(caplog)) == 3, "the requests are logged")
    given, *drawn = (line["seed"] for line in request_lines(caplog))
    assert given == 7
    assert len({given, *drawn}) == 3


def test_same_seed_same_result(client: Client) -> None:
    first, second = (ADVANCED.picture(ADVANCED.post(client, seed="7"), client) for _ in range(2))
    assert first == second


def padded(size: int) -> bytes:
    """A JPEG may be followed by anything."""
    file = photo_file("JPEG", SIZE)
    return file + bytes(size - len(file))


@every_endpoint
def test_file_limit_of_each(server: Server, member: Member) -> None:
    limit = (3 if member is ERASE else 5) * MEGABYTE
    assert member.picture(member.post(server.client, padded(limit)), server.client)
    assert_failure(member.post(server.client, padded(limit + 1)), "FILE_SIZE_EXCEEDS_LIMIT", str(limit))


@pytest.mark.parametrize("limit", [9000, 6 * MEGABYTE])
def test_file_limit_of_the_operator_is_for_all(start_server: StartServer, limit: int) -> None:
    own = start_server(max_file_bytes=limit)
    for member in FAMILY.values():
        assert member.picture(member.post(own.client, padded(limit), file_of(boxed(SIZE, BOX))), own.client)
        assert_failure(member.post(own.client, padded(limit + 1)), "FILE_SIZE_EXCEEDS_LIMIT", str(limit))


def test_two_files_at_the_limit_fit(server: Server) -> None:
    mask = file_of(boxed(SIZE, BOX), "JPEG")
    answer = PLAIN.post(server.client, padded(5 * MEGABYTE), mask + bytes(5 * MEGABYTE - len(mask)))
    assert PLAIN.picture(answer, server.client)


def test_a_large_picture_comes_back_whole(server: Server) -> None:
    size = (1500, 1200)
    image = photo_file(size=size)
    answer = ADVANCED.post(server.client, image, file_of(boxed(size, (700, 600, 760, 660))))
    result = ADVANCED.picture(answer, server.client)
    assert bounds(changed(image, result)) == (685, 585, 775, 675)


def document(client: Client) -> dict[str, Any]:
    return client.get("/openapi.json").json()


def data_of(whole: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """The schema of the `data` of an operation's success."""
    answer = resolved(whole, operation["responses"]["200"]["content"]["application/json"]["schema"])
    return resolved(whole, answer["properties"]["data"])


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_openapi_tells_fields_parameters_and_answer(client: Client, endpoint: Endpoint) -> None:
    operation = document(client)["paths"][endpoint.path]["post"]
    schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert schema["required"] == ["image", endpoint.mask.name]
    assert list(schema["properties"]) == ["image", endpoint.mask.name, *endpoint.texts]
    assert ", ".join(endpoint.formats) in schema["properties"]["image"]["description"]
    data = data_of(document(client), operation)
    assert list(data["properties"]) == ["binary_data_base64" if endpoint.answer == "base64" else "image_url"]


def test_openapi_tells_ranges(client: Client) -> None:
    operation = document(client)["paths"][REMOVE_OBJECTS_ADVANCED.path]["post"]
    fields = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    said = {
        name: {key: value for key, value in fields[name].items() if key != "description"}
        for name in REMOVE_OBJECTS_ADVANCED.texts
    }
    assert said == {
        "steps": {"type": "integer", "minimum": 1, "default": 30},
        "strength": {"type": "number", "minimum": 0.1, "maximum": 1, "default": 0.8},
        "scale": {"type": "number", "minimum": 1, "maximum": 20, "default": 7},
        "seed": {"type": "integer", "minimum": -1, "default": 0},
        "dilate_size": {"type": "integer", "minimum": 1, "default": 15},
        "quality": {"type": "string", "enum": ["H", "M", "L"], "default": "M"},
    }
    for name in ("steps", "strength", "scale"):
        assert fields[name]["description"].startswith("No effect")


def test_openapi_tells_credits_and_tasks(client: Client) -> None:
    whole = document(client)
    paths = whole["paths"]
    credits = paths["/api/common/query-credits"]["get"]
    data = data_of(whole, credits)
    assert data["type"] == "array"
    types = {name: field["type"] for name, field in resolved(whole, data["items"])["properties"].items()}
    assert types == {
        "unique_sign": "string",
        "name": "string",
        "balance": "number",
        "total": "number",
        "last_recharge_balance": "number",
        "balance_warning": "number",
        "first_buy_time": "integer",
        "last_update_time": "integer",
    }
    task = paths["/api/common/query-async-task-result"]["get"]
    assert [parameter["name"] for parameter in task["parameters"]] == ["task_id"]
    assert "200" not in task["responses"]
    assert all(operation["security"] for operation in (credits, task))
