"""POST /erase, as new clients call it."""

import io
import re
import socket
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from support.multipart import body_of, content_type, file_part
from support.pictures import SIZE, bounds, boxed, changed, file_of, mask_file, photo, photo_file, pixels_of
from support.problems import assert_problem
from support.processes import until
from support.raw import connected, head_of
from support.server import KEY, PATH, Client, Server, StartServer, continue_workers

BOX = (20, 12, 36, 28)
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "BMP": "image/bmp", "WEBP": "image/webp"}
UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")


def erase(client: Client, image: Any = None, mask: bytes | None = None, **options: Any) -> httpx.Response:
    """One call of the plain API. image: bytes of a file, or a link."""
    files = {"mask": ("mask.png", mask_file() if mask is None else mask)}
    data = options.pop("data", {})
    if isinstance(image, str):
        data = {**data, "image": image}
    else:
        files["image"] = ("image", photo_file() if image is None else image)
    return client.request("POST", "/erase", files=files, data=data, **options)


class TestPicture:
    @pytest.mark.parametrize(
        ("kind", "saved"),
        [("JPEG", {}), ("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True}), ("WEBP", {"quality": 80})],
    )
    def test_comes_as_the_image_did(self, client: Client, kind: str, saved: dict[str, Any]) -> None:
        source = photo_file(kind, **saved)
        answer = erase(client, source)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == TYPES[kind]
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert "x-format-reason" not in answer.headers
        with Image.open(io.BytesIO(answer.content)) as image:
            assert (image.format, image.size) == (kind, SIZE)
        if kind in ("PNG", "BMP") or "lossless" in saved:
            assert bounds(changed(source, answer.content)) == BOX

    def test_is_not_kept(self, start_server: StartServer) -> None:
        own: Server = start_server()
        assert erase(own.client).status_code == 200
        assert own.results == []

    @pytest.mark.parametrize("name", ["mask", "mask_image", "user_mask"])
    def test_mask_may_have_the_names_of_the_vendors(self, client: Client, name: str) -> None:
        files = {"image": photo_file(), name: mask_file()}
        assert client.request("POST", "/erase", files=files).status_code == 200

    def test_is_that_of_the_vendors_endpoint(self, client: Client) -> None:
        url = client.erase(photo_file("JPEG")).json()["data"]["image_url"]
        assert erase(client, photo_file("JPEG")).content == client.get(url).content


class TestKey:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Authorization": f"Bearer {KEY}"},
            {"Authorization": f"bearer {KEY}"},
            {"X-Api-Key": KEY},
            {"ailabapi-api-key": KEY},
            {"Authorization": "Basic dXNlcjpwYXNz", "X-Api-Key": KEY},
        ],
    )
    def test_may_come_in_any_of_three_headers(self, client: Client, headers: dict[str, str]) -> None:
        assert erase(client, key=None, headers=headers).status_code == 200

    @pytest.mark.parametrize(
        ("headers", "slug"),
        [
            ({}, "key-missing"),
            ({"Authorization": "Bearer"}, "key-missing"),
            ({"Authorization": "Basic dXNlcjpwYXNz"}, "key-missing"),
            ({"Authorization": "Bearer nobody"}, "key-unknown"),
            ({"Authorization": "Bearer nobody", "X-Api-Key": KEY}, "key-unknown"),
            ({"X-Api-Key": "nobody"}, "key-unknown"),
        ],
    )
    def test_is_needed(self, client: Client, headers: dict[str, str], slug: str) -> None:
        answer = erase(client, key=None, headers=headers)
        assert_problem(answer, 401, slug)
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert "nobody" not in answer.text

    def test_may_be_switched_off(self, start_server: StartServer, tmp_path: Path) -> None:
        file = tmp_path / "keys"
        file.write_text("a-key-that-is-off off\n")
        own: Server = start_server(api_keys_file=file)
        assert_problem(erase(own.client, key="a-key-that-is-off"), 403, "key-disabled")

    def test_is_asked_for_before_anything_else(self, client: Client) -> None:
        answer = client.request("POST", "/erase?effort=none", key=None, content=b"")
        assert_problem(answer, 401, "key-missing")


class TestOptions:
    @pytest.mark.parametrize("where", ["data", "params"])
    @pytest.mark.parametrize(("name", "kind"), [("jpeg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
    def test_format(self, client: Client, where: str, name: str, kind: str) -> None:
        options: dict[str, Any] = {where: {"format": name}}
        answer = erase(client, photo_file("BMP"), **options)
        assert answer.headers["content-type"] == TYPES[kind]
        with Image.open(io.BytesIO(answer.content)) as image:
            assert image.format == kind

    @pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
    def test_quality(self, client: Client, kind: str) -> None:
        sizes = [len(erase(client, photo_file(kind), data={"quality": str(q)}).content) for q in (5, 60, 100)]
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[2] / 2

    def test_dilate(self, client: Client) -> None:
        source = photo_file()
        answer = erase(client, source, data={"dilate": "3"})
        assert bounds(changed(source, answer.content)) == (BOX[0] - 3, BOX[1] - 3, BOX[2] + 3, BOX[3] + 3)

    def test_effort_and_seed(self, client: Client) -> None:
        for effort in ("fast", "normal", "best"):
            assert erase(client, params={"effort": effort, "seed": "7"}).status_code == 200

    @pytest.mark.parametrize("format_", ["same", "jpeg", "png", "webp"])
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_metadata(self, client: Client, kind: str, format_: str) -> None:
        exif = Image.Exif()
        exif[0x010F] = "Maker"
        source = photo_file(kind, exif=exif, icc_profile=b"profile" * 40)
        for metadata in ("colour", "all"):
            answer = erase(client, source, data={"metadata": metadata, "format": format_})
            with Image.open(io.BytesIO(answer.content)) as image:
                assert image.getexif().get(0x010F) == (None if metadata == "colour" else "Maker")
                assert image.info["icc_profile"] == b"profile" * 40

    def test_empty_values_count_as_not_sent(self, client: Client) -> None:
        none = {"effort": "", "quality": "", "format": "", "keep": "", "seed": ""}
        assert erase(client, data=none).status_code == 200
        assert erase(client, params=none).status_code == 200

    @pytest.mark.parametrize("where", ["data", "params"])
    @pytest.mark.parametrize(
        ("name", "value", "says"),
        [
            ("effort", "great", "'fast', 'normal' or 'best'"),
            ("dilate", "-1", "0"),
            ("dilate", "many", "integer"),
            ("seed", "-1", "0"),
            ("seed", "9" * 60, "9007199254740991"),
            ("format", "gif", "'same', 'jpeg', 'png' or 'webp'"),
            ("quality", "0", "1"),
            ("quality", "101", "100"),
            ("quality", "9.5", "integer"),
            ("metadata", "some", "'colour' or 'all'"),
            ("keep", "perhaps", "boolean"),
        ],
    )
    def test_with_a_wrong_value(self, client: Client, where: str, name: str, value: str, says: str) -> None:
        options: dict[str, Any] = {where: {name: value}}
        assert_problem(erase(client, **options), 400, "invalid-option", name, says, field=name)

    def test_given_twice(self, client: Client) -> None:
        twice = erase(client, data={"seed": "1"}, params={"seed": "1"})
        assert_problem(twice, 400, "invalid-option", "once", field="seed")

    def test_given_twice_in_one_place(self, client: Client) -> None:
        for where in ("data", "params"):
            options: dict[str, Any] = {where: {"seed": ["1", "2"]}}
            assert_problem(erase(client, **options), 400, "invalid-option", "once", field="seed")


class TestFormatReason:
    def test_transparency_in_a_jpeg(self, client: Client) -> None:
        answer = erase(client, file_of(photo(mode="RGBA")), data={"format": "jpeg", "quality": "100"})
        assert "no transparency" in answer.headers["x-format-reason"]
        expected = Image.new("RGB", SIZE, "white")
        expected.paste(photo(mode="RGBA"), mask=photo(mode="RGBA").getchannel("A"))
        outside = ~pixels_of(file_of(boxed())).astype(bool)
        difference = np.abs(pixels_of(answer.content).astype(int) - np.asarray(expected))[outside]
        assert difference.mean() < 4

    def test_a_jpeg_of_what_is_opaque_needs_none(self, client: Client) -> None:
        opaque = photo().convert("RGBA")
        assert "x-format-reason" not in erase(client, file_of(opaque), data={"format": "jpeg"}).headers

    def test_ink(self, client: Client) -> None:
        answer = erase(client, file_of(photo(mode="CMYK"), "JPEG"), data={"format": "png"})
        assert "CMYK" in answer.headers["x-format-reason"]
        with Image.open(io.BytesIO(answer.content)) as image:
            assert image.mode == "RGB"

    def test_depth(self, client: Client) -> None:
        deep = np.random.default_rng(1).integers(0, 65536, (SIZE[1], SIZE[0]), np.uint16)
        answer = erase(client, file_of(Image.fromarray(deep)), data={"format": "webp"})
        assert "8 bits" in answer.headers["x-format-reason"]
        outside = ~pixels_of(file_of(boxed())).astype(bool)
        np.testing.assert_array_equal(pixels_of(answer.content)[outside][:, 0], np.round(deep[outside] / 257))


class TestMoreFormats:
    @pytest.mark.parametrize(
        ("kind", "media_type", "says"),
        [("TIFF", "image/tiff", None), ("GIF", "image/png", "PNG"), ("AVIF", "image/jpeg", "JPEG")],
    )
    def test_are_answered_in_the_nearest(self, client: Client, kind: str, media_type: str, says: str | None) -> None:
        source = photo_file(kind)
        answer = erase(client, source)
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert (says in answer.headers["x-format-reason"]) if says else ("x-format-reason" not in answer.headers)
        if kind == "TIFF":
            assert bounds(changed(source, answer.content)) == BOX

    @pytest.mark.parametrize("kind", ["TIFF", "GIF", "AVIF"])
    def test_may_be_masks(self, client: Client, kind: str) -> None:
        answer = erase(client, photo_file(), file_of(boxed(), kind))
        assert bounds(changed(photo_file(), answer.content)) is not None

    def test_can_be_kept(self, client: Client) -> None:
        answer = erase(client, photo_file("TIFF"), params={"keep": "true"})
        kept = client.get(answer.headers["location"])
        assert (kept.headers["content-type"], kept.content) == ("image/tiff", answer.content)
        assert erase(client, answer.headers["location"]).status_code == 200

    def test_that_are_not_read_are_named(self, client: Client) -> None:
        pages = file_of(photo(), "TIFF", save_all=True, append_images=[photo()])
        assert_problem(erase(client, pages), 415, "unsupported-format", "more than one page", field="image")

    @pytest.mark.parametrize("kind", ["TIFF", "GIF", "AVIF"])
    def test_are_refused_by_the_vendors_endpoints(self, client: Client, kind: str) -> None:
        assert client.erase(photo_file(kind)).json()["error_code_str"] == "UNSUPPORTED_FILE_TYPES"

    def test_that_need_too_much_memory_are_refused_before_they_are_decoded(self, client: Client) -> None:
        data = bytearray(file_of(Image.new("P", (8, 8)), "GIF"))
        data[6:10] = (7900).to_bytes(2, "little") * 2
        answer = erase(client, bytes(data), bytes(data))
        assert_problem(answer, 503, "insufficient-resources", "memory", field="image")


class TestKept:
    def test_has_its_link_in_location(self, start_server: StartServer) -> None:
        own: Server = start_server()
        answer = erase(own.client, photo_file("WEBP"), data={"keep": "true"})
        assert answer.status_code == 200
        kept = own.client.get(answer.headers["location"])
        assert (kept.status_code, kept.headers["content-type"]) == (200, "image/webp")
        assert kept.content == answer.content
        assert len(own.results) == 1

    def test_is_the_image_of_the_next_request(self, client: Client, server: Server) -> None:
        first = erase(client, photo_file(), params={"keep": "true"})
        other = file_of(boxed(box=(2, 2, 9, 9)))
        wanted = erase(client, first.content, other).content
        link = first.headers["location"]
        for image in (link, link.removeprefix(server.base), f" {link}\n".strip()):
            again = erase(client, image, other)
            assert again.status_code == 200
            assert again.content == wanted

    def test_below_a_path_prefix(self, start_server: StartServer) -> None:
        own: Server = start_server(public_url="https://example.com/below")
        link = erase(own.client, data={"keep": "true"}).headers["location"]
        assert link.startswith("https://example.com/below/results/")
        for image in (link, link.removeprefix("https://example.com")):
            assert erase(own.client, image).status_code == 200

    def test_needs_a_valid_link(self, start_server: StartServer) -> None:
        own: Server = start_server(result_ttl_seconds=60)
        link = erase(own.client, data={"keep": "true"}).headers["location"]
        head, _, tail = link.partition("/results/")
        for wrong in (
            f"{head}/results/{'1' if tail[0] != '1' else '2'}{tail[1:]}",
            f"{head}/results/{tail[:-4]}.jpg",
            f"{link}?x=1",
            f"{link}/../x",
            "/results/x",
            "/etc/passwd",
            "http://example.com/results/" + tail,
            f"http://example.com/?{link}",
            f"{head}@example.com/results/{tail}",
        ):
            assert_problem(erase(own.client, wrong), 403, "link-invalid", field="image")
        own.clock.now += 61
        assert_problem(erase(own.client, link), 403, "link-expired", field="image")

    def test_may_be_gone(self, start_server: StartServer) -> None:
        own: Server = start_server()
        link = erase(own.client, data={"keep": "true"}).headers["location"]
        own.storage.joinpath(own.results[0]).unlink()
        assert_problem(erase(own.client, link), 404, "result-deleted", field="image")

    def test_no_other_url_is_fetched(self, client: Client) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(0.2)
            answer = erase(client, f"http://127.0.0.1:{listener.getsockname()[1]}/results/1/2/3.png")
            assert_problem(answer, 403, "link-invalid", field="image")
            with pytest.raises(TimeoutError):
                listener.accept()

    def test_needs_room(self, start_server: StartServer) -> None:
        own: Server = start_server(storage_bytes=1)
        assert_problem(erase(own.client, data={"keep": "true"}), 503, "insufficient-resources")
        assert erase(own.client).status_code == 200


class TestProblems:
    def test_of_fields(self, client: Client) -> None:
        files = {"image": photo_file(), "mask": mask_file()}
        for name in files:
            rest = {other: file for other, file in files.items() if other != name}
            assert_problem(client.request("POST", "/erase", files=rest), 400, "field-missing", field=name)
            empty = files | {name: b""}
            assert_problem(client.request("POST", "/erase", files=empty), 400, "file-empty", field=name)
        twice = [("image", photo_file()), ("image", photo_file()), ("mask", mask_file())]
        assert_problem(client.request("POST", "/erase", files=twice), 413, "too-many-files", field="image")

    def test_of_the_body(self, client: Client) -> None:
        assert_problem(client.request("POST", "/erase", content=b"x"), 415, "not-multipart")
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert_problem(client.request("POST", "/erase", content=b"--x", headers=headers), 400, "malformed-request")

    def test_of_files(self, client: Client) -> None:
        assert_problem(erase(client, b"no picture"), 415, "unsupported-format", field="image")
        assert_problem(erase(client, photo_file()[:-200]), 422, "file-damaged", field="image")
        assert_problem(erase(client, mask=mask_file()[:-20]), 422, "file-damaged", field="mask")
        assert_problem(erase(client, mask=mask_file((9, 9))), 400, "size-mismatch", "9x9", field="mask")
        white = file_of(Image.new("L", SIZE, 255))
        assert_problem(erase(client, mask=white), 400, "nothing-to-fill-from", field="mask")
        assert_problem(erase(client, data={"dilate": "99"}), 400, "nothing-to-fill-from", field="mask")
        text = client.request("POST", "/erase", files={"mask": mask_file()}, data={"image": "what"})
        assert_problem(text, 415, "unsupported-format", "link", field="image")

    def test_of_limits(self, start_server: StartServer) -> None:
        own: Server = start_server(large_file_bytes=2000, large_pixels=SIZE[0] * SIZE[1])
        assert_problem(erase(own.client, photo_file()), 413, "file-too-large", "2000", field="image")
        assert_problem(erase(own.client, b"x" * 200_000), 413, "body-too-large")
        assert erase(own.client, photo_file("JPEG")).status_code == 200
        large = photo_file("JPEG", (SIZE[0] + 1, SIZE[1]), quality=30)
        assert_problem(erase(own.client, large), 413, "image-too-large", str(SIZE[0] * SIZE[1]), field="image")

    def test_of_paths_and_methods(self, client: Client) -> None:
        assert_problem(client.request("POST", "/erase/more"), 404, "not-found")
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            answer = client.request(method, "/erase")
            assert_problem(answer, 405, "method-not-allowed")
            assert set(answer.headers["allow"].split(", ")) == {"OPTIONS", "POST"}
        head = client.request("HEAD", "/erase")
        assert (head.status_code, head.content) == (405, b"")
        options = client.request("OPTIONS", "/erase", key=None)
        assert options.status_code == 204
        assert set(options.headers["allow"].split(", ")) == {"OPTIONS", "POST"}

    def test_of_rates(self, start_server: StartServer) -> None:
        own: Server = start_server(rate_limit="2/hour")
        assert erase(own.client).status_code == 200
        assert own.client.erase().status_code == 200  # both count together
        answer = erase(own.client)
        assert_problem(answer, 429, "too-many-requests")
        assert int(answer.headers["retry-after"]) > 0

    def test_of_the_queue(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=0)
        stopped = own.stop_workers()
        try:
            first = own.client._pool.submit(erase, own.client)
            until(own.client.is_full, "the only place is taken")
            answer = erase(own.client)
            assert_problem(answer, 429, "too-many-requests")
            assert int(answer.headers["retry-after"]) > 0
        finally:
            continue_workers(stopped)
        assert first.result().status_code == 200

    def test_of_the_deadline(self, start_server: StartServer) -> None:
        own: Server = start_server(deadline_seconds=1)
        own.stop_workers()
        assert_problem(erase(own.client), 504, "deadline-exceeded")

    def test_of_memory_for_uploads(self, start_server: StartServer) -> None:
        """A large upload holds its memory while it waits for a worker, and another key's gets its share."""
        own: Server = start_server(receive_memory_mb=1, api_keys=(KEY, "other-key"), queue=8, deadline_seconds=20)
        stopped = own.stop_workers()
        body = photo_file("BMP", (500, 460))  # two thirds of the memory
        mask = file_of(boxed((500, 460)))
        try:
            waits = own.client._pool.submit(erase, own.client, body, mask)
            until(lambda: own.client.get("/readyz").json()["waiting"] >= 0 and own.client.waiting() == 0, "it runs")
            answer = erase(own.client, body, mask)
            assert_problem(answer, 429, "too-many-requests", "uploaded")
            assert int(answer.headers["retry-after"]) > 0
        finally:
            continue_workers(stopped)
        assert waits.result().status_code == 200

    def test_of_a_client_that_leaves(self, start_server: StartServer) -> None:
        own: Server = start_server(queue=0)
        stopped = own.stop_workers()
        body = body_of([file_part("image", photo_file()), file_part("mask", mask_file())])
        headers = {"Host": "x", "X-Api-Key": KEY, "Content-Type": content_type(), "Content-Length": str(len(body))}
        with connected(own.client.address) as leaving:
            leaving.sendall(head_of("/erase?keep=true", headers) + body)
            until(own.client.is_full, "the job is taken")
        until(lambda: own.workers() - stopped, "the worker of the job is replaced")
        until(lambda: own.client.get("/readyz").status_code == 200 and own.client.waiting() == 0, "it is forgotten")
        until(lambda: not own.results, "its result is deleted")


class TestHeaders:
    @pytest.mark.parametrize("name", ["abc-1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a" * 128])
    def test_request_id_is_taken_over(self, client: Client, name: str) -> None:
        assert erase(client, headers={"X-Request-Id": name}).headers["x-request-id"] == name
        refused = client.request("POST", "/erase", content=b"", headers={"X-Request-Id": name})
        assert_problem(refused, 415, "not-multipart")
        assert refused.json()["request_id"] == name

    @pytest.mark.parametrize("name", ["", "a" * 129, "a b", "é", 'a"b', "<x>"])
    def test_request_id_that_is_no_good_is_replaced(self, client: Client, name: str) -> None:
        answer = erase(client, headers={"X-Request-Id": name.encode("latin-1")})
        assert UUID.fullmatch(answer.headers["x-request-id"])

    def test_vendors_endpoints_take_it_over_too(self, client: Client) -> None:
        answer = client.request("POST", PATH, headers={"X-Request-Id": "abc"})
        assert answer.headers["x-request-id"] == answer.json()["request_id"] == "abc"

    def test_server_timing(self, client: Client) -> None:
        timing = erase(client).headers["server-timing"]
        stages = dict(re.findall(r"(\w+);dur=(\d+\.\d)", timing))
        assert list(stages) == ["queue", "decode", "erase", "encode"]

    def test_pages_may_read_them(self, client: Client) -> None:
        answer = erase(client, headers={"Origin": "https://example.com"})
        exposed = set(answer.headers["access-control-expose-headers"].split(", "))
        assert {"Location", "Server-Timing", "X-Request-Id", "X-Format-Reason", "Retry-After"} <= exposed

    def test_pages_may_send_them(self, client: Client) -> None:
        headers = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
        answer = client.request("OPTIONS", "/erase", key=None, headers=headers)
        assert answer.status_code == 204
        allowed = set(answer.headers["access-control-allow-headers"].split(", "))
        assert {"Authorization", "X-Api-Key", "ailabapi-api-key", "X-Request-Id"} <= allowed


class TestDocument:
    def test_tells_the_request(self, client: Client) -> None:
        operation = client.get("/openapi.json").json()["paths"]["/erase"]["post"]
        form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
        options = ["effort", "dilate", "seed", "format", "quality", "metadata", "keep", "answer"]
        assert form["required"] == ["image", "mask"]
        assert list(form["properties"]) == ["image", "mask", *options]
        assert [parameter["name"] for parameter in operation["parameters"]] == options
        assert {name for each in operation["security"] for name in each} == {"bearer", "xApiKey", "apiKey"}

    def test_tells_the_answers(self, client: Client) -> None:
        responses = client.get("/openapi.json").json()["paths"]["/erase"]["post"]["responses"]
        assert {"image/jpeg", "image/png", "image/webp"} <= set(responses["200"]["content"])
        assert {"Server-Timing", "X-Request-Id", "Location"} <= set(responses["200"]["headers"])
        problem = responses["default"]["content"]["application/problem+json"]
        assert set(problem["schema"]["properties"]) == {"type", "title", "status", "detail", "field", "request_id"}
        assert all(example["value"]["type"].startswith("tag:") for example in problem["examples"].values())


def test_the_vendors_limits_are_as_they_were(client: Client) -> None:
    large = photo_file("BMP", (1200, 900))
    mask = file_of(boxed((1200, 900)))
    assert len(large) > 3 * 1024 * 1024
    assert client.erase(large, mask).json()["error_code_str"] == "FILE_SIZE_EXCEEDS_LIMIT"
    assert erase(client, large, mask, params={"effort": "fast"}).status_code == 200
