"""POST /images: an image is sent once, before there is a mask, and later requests name it by its link."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from PIL import Image, ImageCms

from support.jpegs import scene
from support.multipart import body_of, content_type, file_part
from support.pictures import boxed, file_of, mask_file, photo, photo_file
from support.problems import assert_problem
from support.processes import until
from support.raw import connected, head_of
from support.server import KEY, Client, Server, StartServer

SIZE = (333, 250)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "BMP": "image/bmp",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "AVIF": "image/avif",
}


def store(client: Client, image: bytes | str, **options: Any) -> httpx.Response:
    """One call with a form. image: a file, or text."""
    file = (None, image) if isinstance(image, str) else ("image", image)
    return client.request("POST", "/images", files={"image": file}, **options)


def link_of(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.content
    return answer.headers["location"]


def work(client: Client, path: str, image: bytes | str, mask: bytes, **options: str) -> httpx.Response:
    by_link = isinstance(image, str)
    files = {"mask": mask} | ({} if by_link else {"image": image})
    answer = client.request("POST", path, files=files, data=options | ({"image": image} if by_link else {}))
    assert answer.status_code == 200, answer.content
    return answer


def photograph(orientation: int, **options: Any) -> bytes:
    """As a phone takes it: with a place, a profile, and turned."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags.get_ifd(0x8825)[1] = "N"
    return file_of(scene(*SIZE), "JPEG", quality=90, exif=tags, icc_profile=PROFILE, **options)


@pytest.mark.parametrize("kind", TYPES)
def test_is_kept_as_it_came(client: Client, server: Server, kind: str) -> None:
    image = photo_file(kind)
    answer = store(client, image)
    link = link_of(answer)
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    ends = datetime.fromisoformat(said.pop("expires")).timestamp()
    assert 0 < ends - server.clock.now <= 24 * 3600
    assert said == {"url": link, "type": TYPES[kind], "width": 64, "height": 48, "size": len(image)}
    kept = client.get(link)
    assert (kept.status_code, kept.content, kept.headers["content-type"]) == (200, image, TYPES[kind])
    assert kept.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in kept.headers["content-security-policy"]
    assert client.get(link, headers={"If-None-Match": kept.headers["etag"]}).status_code == 304
    assert work(client, "/erase", link, mask_file()).content == work(client, "/erase", image, mask_file()).content


@pytest.mark.parametrize(
    ("make", "upright"),
    [
        pytest.param(lambda: photograph(1), SIZE, id="JPEG"),
        pytest.param(lambda: photograph(1, progressive=True, subsampling=1), SIZE, id="progressive"),
        pytest.param(lambda: photograph(6), SIZE[::-1], id="turned"),
        pytest.param(lambda: file_of(scene(*SIZE).convert("CMYK"), "JPEG", quality=90), SIZE, id="CMYK"),
        pytest.param(lambda: file_of(scene(*SIZE), icc_profile=PROFILE, dpi=(300, 300)), SIZE, id="PNG"),
    ],
)
def test_serves_like_the_file(client: Client, make: Callable[[], bytes], upright: tuple[int, int]) -> None:
    """The same answer byte for byte, part or whole, whatever metadata is wanted."""
    source = make()
    answer = store(client, source)
    assert (answer.json()["width"], answer.json()["height"]) == upright
    mask = file_of(boxed(upright, (120, 91, 163, 122)))
    for options in ({}, {"metadata": "all"}, {"keep": "true", "answer": "part"}):
        by_link, by_file = (
            work(client, "/erase", image, mask, seed="3", **options) for image in (link_of(answer), source)
        )
        assert by_link.content == by_file.content
        for name in ("content-type", "x-erase-part", "x-format-reason"):
            assert by_link.headers.get(name) == by_file.headers.get(name)
    selected = [work(client, "/select", image, mask).content for image in (link_of(answer), source)]
    assert selected[0] == selected[1]


def test_may_be_the_body_itself(client: Client) -> None:
    """The type is that of the first bytes."""
    image = photo_file("JPEG")
    answer = client.request("POST", "/images", content=image, headers={"Content-Type": "Image/PNG"})
    assert answer.json()["type"] == "image/jpeg"
    assert client.get(link_of(answer)).content == image


def test_holds_as_long_as_results_do(start_server: StartServer) -> None:
    own: Server = start_server(result_ttl_seconds=60, sweep_interval_seconds=0.05)
    link = link_of(store(own.client, photo_file("GIF")))
    assert len(own.results) == 1
    own.clock.now += 61
    erased = own.client.request("POST", "/erase", files={"mask": mask_file()}, data={"image": link})
    assert_problem(erased, 403, "link-expired", field="image")
    until(lambda: not own.results, "the sweeper deletes it")


class TestProblems:
    @pytest.mark.parametrize("raw", [False, True], ids=["form", "file"])
    def test_of_limits(self, start_server: StartServer, raw: bool) -> None:
        own: Server = start_server(large_file_bytes=2000, large_pixels=64 * 48)

        def sent(image: bytes) -> httpx.Response:
            if not raw:
                return store(own.client, image)
            return own.client.request("POST", "/images", content=image, headers={"Content-Type": "image/jpeg"})

        assert_problem(sent(photo_file()), 413, "file-too-large", "2000", field="image")
        assert_problem(sent(photo_file("JPEG", (65, 48), quality=30)), 413, "image-too-large", field="image")
        assert_problem(sent(b""), 400, "file-empty", field="image")
        assert sent(photo_file("JPEG")).status_code == 201
        assert len(own.results) == 1

    @pytest.mark.parametrize(
        ("image", "status", "slug"),
        [
            pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported-format", id="SVG"),
            pytest.param(b"<html><script>x</script>" + photo_file(), 415, "unsupported-format", id="HTML first"),
            pytest.param(b"\xff\xd8\xff<script>x</script>", 422, "file-damaged", id="HTML behind a signature"),
            pytest.param(b"GIF89a/*" + b"\0" * 99, 422, "file-damaged", id="script in a GIF"),
            pytest.param(photo_file()[:40], 422, "file-damaged", id="cut off"),
            pytest.param(b"%PDF-1.7\n" + photo_file(), 415, "unsupported-format", id="PDF"),
            pytest.param(
                file_of(photo(), "TIFF", save_all=True, append_images=[photo()]),
                415,
                "unsupported-format",
                id="two pages",
            ),
            pytest.param("http://example.com/photo.jpg", 415, "unsupported-format", id="an address"),
        ],
    )
    def test_of_what_is_no_image(self, client: Client, server: Server, image: Any, status: int, slug: str) -> None:
        before = len(server.results)
        assert_problem(store(client, image), status, slug, field="image")
        assert len(server.results) == before

    def test_of_requests(self, client: Client) -> None:
        assert_problem(client.request("POST", "/images", key=None, content=b""), 401, "key-missing")
        assert_problem(client.request("POST", "/images", key="wrong", content=b""), 401, "key-unknown")
        answer = client.request("POST", "/images", content=b"x", headers={"Content-Type": "application/octet-stream"})
        assert_problem(answer, 415, "not-multipart")
        files = {"image": photo_file(), "mask": mask_file()}
        assert_problem(client.request("POST", "/images", files=files), 413, "too-many-files", field="mask")
        answer = client.request("GET", "/images")
        assert_problem(answer, 405, "method-not-allowed")
        options = client.request("OPTIONS", "/images", key=None)
        assert options.headers["accept-post"] == "multipart/form-data, image/*"

    def test_of_rates_and_room(self, start_server: StartServer) -> None:
        own: Server = start_server(rate_limit="2/hour", storage_bytes=len(photo_file()) + 1)
        assert store(own.client, photo_file()).status_code == 201
        assert_problem(store(own.client, photo_file()), 503, "insufficient-resources")
        assert_problem(store(own.client, photo_file()), 429, "too-many-requests")
        assert len(own.results) == 1

    def test_of_a_client_that_leaves(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=0)
        stopped = own.stop_workers()
        body = body_of([file_part("image", photo_file())])
        headers = {"Host": "x", "X-Api-Key": KEY, "Content-Type": content_type(), "Content-Length": str(len(body))}
        with connected(own.client.address) as leaving:
            leaving.sendall(head_of("/images", headers) + body)
            until(own.client.is_full, "its image is looked at")
        until(lambda: own.workers() - stopped, "the worker that looked is replaced")
        until(lambda: not own.client.is_full(), "its place is free")
        assert own.results == []


def test_the_document_tells_request_and_answer(client: Client) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/images"]["post"]
    content = operation["requestBody"]["content"]
    assert content["multipart/form-data"]["schema"]["required"] == ["image"]
    assert {"image/jpeg", "image/heic"} <= set(content)
    assert {"bearer", "xApiKey", "apiKey"} == {name for each in operation["security"] for name in each}
    answer = operation["responses"]["201"]
    said = answer["content"]["application/json"]["schema"]["properties"]
    assert set(said) == {"url", "expires", "type", "width", "height", "size"}
    assert "Location" in answer["headers"]
    assert "200" not in operation["responses"]
    assert "application/problem+json" in operation["responses"]["default"]["content"]
