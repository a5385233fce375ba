"""POST /select, as clients call it."""

import io
import re
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from PIL import Image

from support.multipart import body_of, content_type, file_part
from support.pictures import file_of, mask_file, photo_file
from support.problems import assert_problem
from support.processes import until
from support.raw import connected, head_of
from support.server import KEY, Client, Server, continue_workers

SIZE = (160, 120)
THING = cv2.ellipse(np.zeros((120, 160), np.uint8), (90, 55), (40, 22), 15, 0, 360, 255, cv2.FILLED)
LASSO = cv2.ellipse(np.zeros((120, 160), np.uint8), (90, 55), (52, 34), 15, 0, 360, 255, 2)
SCRIBBLE = cv2.polylines(np.zeros((120, 160), np.uint8), [np.array([(70, 50), (90, 58), (108, 58)])], False, 255, 3)
BLOB = cv2.ellipse(np.zeros((120, 160), np.uint8), (93, 53), (42, 21), 8, 0, 360, 255, cv2.FILLED)
ROUGH = {"lasso": LASSO, "scribble": SCRIBBLE, "blob": BLOB}


def picture(mode: str = "RGB") -> Image.Image:
    """A reddish thing on green ground."""
    noise = np.random.default_rng(2).normal(0, 6, (120, 160, 3))
    pixels = np.where(THING[..., None] > 0, (230, 110, 90), (60, 130, 80)) + noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).convert(mode)


def select(client: Client, image: Any, rough: Any, **options: Any) -> httpx.Response:
    """image: bytes, a picture or a link. rough: bytes or an array."""
    files = {"mask": rough if isinstance(rough, bytes) else file_of(Image.fromarray(rough))}
    data = options.pop("data", {})
    if isinstance(image, str):
        data = {**data, "image": image}
    else:
        files["image"] = image if isinstance(image, bytes) else file_of(image)
    return client.request("POST", "/select", files=files, data=data, **options)


def mask_of(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.content
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.mode == "L"
        mask = np.asarray(image)
    assert set(np.unique(mask)) <= {0, 255}
    return mask > 0


def iou(mask: np.ndarray, thing: np.ndarray = THING) -> float:
    return float((mask & (thing > 0)).sum() / (mask | (thing > 0)).sum())


@pytest.mark.parametrize("kind", ROUGH)
def test_answers_with_the_mask_of_the_thing(client: Client, kind: str) -> None:
    assert iou(mask_of(select(client, picture(), ROUGH[kind]))) > 0.95


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "WEBP"])
def test_every_format(client: Client, format: str) -> None:
    assert iou(mask_of(select(client, file_of(picture(), format), file_of(Image.fromarray(BLOB), format)))) > 0.93


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK"])
def test_every_kind_of_pixels(client: Client, mode: str) -> None:
    image = file_of(picture(mode), "JPEG" if mode == "CMYK" else "PNG")
    assert iou(mask_of(select(client, image, BLOB))) > 0.9


def test_16_bits(client: Client) -> None:
    pixels = np.asarray(picture(), np.uint16)[..., ::-1] * 257
    assert iou(mask_of(select(client, cv2.imencode(".png", pixels)[1].tobytes(), LASSO))) > 0.95


def test_alpha_alone_shows_the_thing(client: Client) -> None:
    image = Image.new("RGBA", SIZE, (10, 200, 10, 0))
    image.paste((10, 200, 10, 255), mask=Image.fromarray(THING))
    assert iou(mask_of(select(client, image, LASSO))) > 0.95


@pytest.mark.parametrize("fits", ["upright", "stored"])
def test_orientation(client: Client, fits: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = picture().transpose(Image.Transpose.ROTATE_90)
    image = file_of(stored, "JPEG", quality=95, exif=exif)
    rough = BLOB if fits == "upright" else np.rot90(BLOB)
    mask = mask_of(select(client, image, np.ascontiguousarray(rough)))
    assert mask.shape == THING.shape
    assert iou(mask) > 0.93


@pytest.mark.parametrize("place", ["data", "params"])
def test_grow(client: Client, place: str) -> None:
    small = mask_of(select(client, picture(), LASSO))
    large = mask_of(select(client, picture(), LASSO, **{place: {"grow": "5"}}))
    distance = cv2.distanceTransform((~small).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    np.testing.assert_array_equal(large, distance <= 5)


def test_what_is_selected_can_be_erased(client: Client) -> None:
    mask = select(client, picture(), SCRIBBLE, data={"grow": "2"}).content
    files = {"image": file_of(picture()), "mask": mask}
    erased = np.asarray(Image.open(io.BytesIO(client.request("POST", "/erase", files=files).content)), np.int16)
    assert (erased[THING > 0][:, 0] < 100).mean() > 0.95


def test_image_may_be_the_link_of_a_result(client: Client) -> None:
    kept = client.request(
        "POST", "/erase", files={"image": file_of(picture()), "mask": mask_file(SIZE)}, data={"keep": "true"}
    )
    assert mask_of(select(client, kept.headers["location"], LASSO)).shape == THING.shape
    assert_problem(select(client, "https://example.com/a.png", LASSO), 403, "link-invalid", field="image")


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (2, 2), (3, 900)])
def test_tiny_and_thin_pictures(client: Client, size: tuple[int, int]) -> None:
    rough = np.zeros(size[::-1], np.uint8)
    rough[-1, -1] = 255
    assert mask_of(select(client, photo_file(size=size), rough)).any()


def test_a_large_picture_in_its_time(client: Client) -> None:
    size = (4800, 3600)
    image = file_of(picture().resize(size), "JPEG")
    rough = np.asarray(Image.fromarray(BLOB).resize(size, Image.Resampling.NEAREST))
    thing = np.asarray(Image.fromarray(THING).resize(size, Image.Resampling.NEAREST))
    assert iou(mask_of(select(client, image, rough)), thing) > 0.93


@pytest.mark.parametrize(
    ("change", "status", "slug", "field"),
    [
        ({"rough": np.zeros((120, 160), np.uint8)}, 400, "nothing-marked", "mask"),
        ({"rough": np.zeros((9, 9), np.uint8)}, 400, "size-mismatch", "mask"),
        ({"rough": b"no picture"}, 415, "unsupported-format", "mask"),
        ({"image": b"\x89PNG\r\n\x1a\nbroken"}, 422, "file-damaged", "image"),
        ({"data": {"grow": "-1"}}, 400, "invalid-option", "grow"),
        ({"data": {"grow": "much"}}, 400, "invalid-option", "grow"),
        ({"data": {"grow": "1"}, "params": {"grow": "1"}}, 400, "invalid-option", "grow"),
        ({"headers": {"X-Api-Key": "nobody"}, "key": None}, 401, "key-unknown", None),
    ],
)
def test_problems(client: Client, change: dict[str, Any], status: int, slug: str, field: str | None) -> None:
    given = {"image": picture(), "rough": BLOB} | change
    assert_problem(select(client, given.pop("image"), given.pop("rough"), **given), status, slug, field=field)


def test_other_methods(client: Client) -> None:
    assert client.request("OPTIONS", "/select").headers["allow"] == "OPTIONS, POST"
    assert_problem(client.request("GET", "/select"), 405, "method-not-allowed")


def test_a_client_that_leaves_frees_its_place(start_server: Any) -> None:
    own: Server = start_server(workers=1, queue=0)
    stopped = own.stop_workers()
    body = body_of([file_part("image", file_of(picture())), file_part("mask", file_of(Image.fromarray(BLOB)))])
    headers = {"Host": "x", "X-Api-Key": KEY, "Content-Type": content_type(), "Content-Length": str(len(body))}
    with connected(own.client.address) as leaving:
        leaving.sendall(head_of("/select", headers) + body)
        until(own.client.is_full, "the job is taken")
    continue_workers(stopped & own.workers())
    until(lambda: select(own.client, picture(), BLOB).status_code == 200, "its place is free")


def test_shares_the_queue(start_server: Any) -> None:
    own: Server = start_server(workers=1, queue=0)
    stopped = own.stop_workers()
    try:
        first = own.client._pool.submit(select, own.client, picture(), BLOB)
        until(own.client.is_full, "the only place is taken")
        assert_problem(select(own.client, picture(), BLOB), 429, "too-many-requests")
    finally:
        continue_workers(stopped)
    assert first.result().status_code == 200


def test_has_the_deadline_of_other_jobs(start_server: Any) -> None:
    own: Server = start_server(workers=1, deadline_seconds=1)
    own.stop_workers()
    assert_problem(select(own.client, picture(), BLOB), 504, "deadline-exceeded")


def test_says_what_took_its_time(client: Client) -> None:
    answer = select(client, picture(), BLOB, headers={"X-Request-Id": "abc"})
    assert answer.headers["x-request-id"] == "abc"
    assert re.findall(r"(\w+);dur=\d+\.\d", answer.headers["server-timing"]) == ["queue", "decode", "select", "encode"]
    assert answer.headers["cache-control"] == "no-store"


def test_is_in_the_document(client: Client) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/select"]["post"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert list(form["properties"]) == ["image", "mask", "grow"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["grow"]
    assert list(operation["responses"]["200"]["content"]) == ["image/png"]
