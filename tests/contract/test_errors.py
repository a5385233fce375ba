"""Every row of the contract's error table that a single request can cause."""

import io
import struct
import zlib

import httpx
import pytest
from PIL import Image

from support.envelope import assert_failure, assert_success
from support.multipart import body_of, content_type, file_part, part
from support.pictures import boxed, file_of, mask_file, noise_file, photo, photo_file
from support.processes import until
from support.server import KEY, PATH, Client, Server, StartServer, files

MEGABYTE = 1024 * 1024


def post_parts(client: Client, *parts: bytes) -> httpx.Response:
    return client.request("POST", PATH, content=body_of(parts), headers={"Content-Type": content_type()})


def padded(data: bytes, size: int) -> bytes:
    """A BMP may be followed by anything, so its size can be set to the byte."""
    return data + b"\0" * (size - len(data))


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims these sides."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


def test_two_answers_have_different_ids(client: Client) -> None:
    bodies = [client.erase(key=None).json() for _ in range(2)]
    assert bodies[0]["request_id"] != bodies[1]["request_id"]
    assert bodies[0]["log_id"] != bodies[1]["log_id"]


def test_ids_stand_in_the_log_line_and_secrets_do_not(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "image_erase")
    body = client.erase().json()
    signature = body["data"]["image_url"].split("/")[4]
    client.get(body["data"]["image_url"])

    def lines(name: str, value: str) -> list[dict[str, object]]:
        found = [vars(record) for record in caplog.records if record.name == "image_erase.request"]
        return [line for line in found if str(line[name]).startswith(value)]

    # Requests of the test before may still be on their way into the log.
    until(lambda: lines("request_id", body["request_id"]), "the one request is logged")
    until(lambda: lines("path", "/results/"), "the other is logged")
    (erased,), (fetched,) = lines("request_id", body["request_id"]), lines("path", "/results/")
    assert (erased["request_id"], erased["log_id"], erased["status"]) == (body["request_id"], body["log_id"], 200)
    assert fetched["status"] == 200
    for line in (erased, fetched):
        assert KEY not in str(line)
        assert signature not in str(line)


class TestKey:
    def test_missing(self, client: Client) -> None:
        assert_failure(client.erase(key=None), "ERROR_USER_NOT_EXISTS", "ailabapi-api-key")

    def test_empty(self, client: Client) -> None:
        assert_failure(client.erase(key=""), "ERROR_USER_NOT_EXISTS")

    @pytest.mark.parametrize("key", ["unknown", KEY + "x", KEY[:-1], KEY.upper(), f"{KEY},{KEY}"])
    def test_unknown(self, client: Client, key: str) -> None:
        answer = client.erase(key=key)
        assert_failure(answer, "ERROR_APPLICATIONS_NOT_EXISTS")
        assert KEY[:-1] not in answer.text

    def test_not_ascii(self, client: Client) -> None:
        answer = client.erase(key=None, headers={b"ailabapi-api-key": "schlüssel".encode()})
        assert_failure(answer, "ERROR_APPLICATIONS_NOT_EXISTS")


class TestPathAndMethod:
    @pytest.mark.parametrize(
        "path",
        [
            "/api/image/editing/no-such-thing",
            f"{PATH}/more",
            "/api",
            "/API/IMAGE/EDITING/IMAGE-ERASE",
            "/robots.txt",
            "/%00",
            "/%ff%fe",
            "/../../etc/passwd",
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_unknown_path(self, client: Client, method: str, path: str) -> None:
        assert_failure(client.request(method, path), "ERROR_AI_NOT_EXISTS")

    @pytest.mark.parametrize("path", [f"{PATH}/", f"/{PATH}", PATH.replace("/", "//"), f"//{PATH}///"])
    def test_slashes_too_many(self, client: Client, server: Server, path: str) -> None:
        """Clients that join a base URL and a path write them; nothing is redirected."""
        assert_success(client.request("POST", server.base + path, files=files()), server.base)

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
    def test_wrong_method(self, client: Client, method: str) -> None:
        answer = client.request(method, PATH)
        assert_failure(answer, "ERROR_ILLEGAL_OPERATION", "POST", status=405)
        assert answer.headers["allow"] == "POST"

    def test_a_method_that_does_not_exist(self, client: Client) -> None:
        assert_failure(client.request("INVENTED", PATH), "ERROR_PARAMETERS", status=400)

    def test_head(self, client: Client) -> None:
        answer = client.request("HEAD", PATH)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.content == b""

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
    def test_wrong_method_on_a_result(self, client: Client, server: Server, method: str) -> None:
        url = assert_success(client.erase(), server.base)
        answer = client.request(method, url)
        assert_failure(answer, "ERROR_ILLEGAL_OPERATION", status=405)
        assert {"GET", "HEAD"} <= {name.strip() for name in answer.headers["allow"].split(",")}
        assert client.get(url).status_code == 200


class TestBody:
    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("application/json", b'{"image": "x"}'),
            ("application/x-www-form-urlencoded", b"image=x&user_mask=y"),
            ("image/png", b"\x89PNG"),
            ("multipart/form-data", b"no boundary is named"),
            ("multipart/form-data; boundary=", b"an empty one"),
            ("multipart/mixed; boundary=x", body_of([file_part("image", b"x")], "x")),
            ("multipart/form-data; boundary=" + "x" * 5000, b"--x"),
            ("multipart/form-data; boundary=x", b"this is not multipart"),
            ("multipart/form-data; boundary=x", b""),
            ("multipart/form-data; boundary=x", b"--x\r\nno colon here\r\n\r\n"),
            ("multipart/form-data; boundary=x", body_of([file_part("image", b"x")], "other")),
            ("\xff\xfe;;==", b"x"),
            (";", b""),
        ],
    )
    def test_not_multipart_or_broken(self, client: Client, kind: str, body: bytes) -> None:
        answer = client.request("POST", PATH, content=body, headers={"Content-Type": kind.encode("latin-1")})
        assert_failure(answer, "ERROR_PARAMETERS")

    def test_no_content_type(self, client: Client) -> None:
        assert_failure(client.request("POST", PATH, content=b"x"), "ERROR_PARAMETERS")

    def test_no_body(self, client: Client) -> None:
        assert_failure(client.request("POST", PATH), "ERROR_PARAMETERS")

    def test_cut_off(self, client: Client) -> None:
        whole = body_of([file_part("image", photo_file()), file_part("user_mask", mask_file())], epilogue=b"")
        for end in (len(whole) - 2, len(whole) // 2, 40):
            answer = client.request("POST", PATH, content=whole[:end], headers={"Content-Type": content_type()})
            assert_failure(answer, "ERROR_PARAMETERS")

    def test_too_large_as_a_whole(self, client: Client) -> None:
        parts = [part('form-data; name="notes"', b"x" * (8 * MEGABYTE))]
        assert_failure(post_parts(client, *parts), "ERROR_REQUEST_BODY_TOO_LARGE")

    def test_many_parts(self, client: Client) -> None:
        parts = [part(f'form-data; name="{number}"', b"") for number in range(5000)]
        assert_failure(post_parts(client, *parts), "ERROR_PARAMETERS")


class TestFields:
    @pytest.mark.parametrize(
        ("present", "missing"), [("user_mask", "image"), ("image", "user_mask"), ("other", "image"), ("Image", "image")]
    )
    def test_missing(self, client: Client, present: str, missing: str) -> None:
        answer = post_parts(client, file_part(present, photo_file()))
        message = assert_failure(answer, "MISSING_PARAMETERS")
        assert message == f"Missing parameters. - {missing}: Cannot be empty."

    def test_no_parts(self, client: Client) -> None:
        answer = client.request("POST", PATH, data={"note": "x"}, files={"other": ("x", b"x")})
        assert_failure(answer, "MISSING_PARAMETERS", "image: Cannot be empty.")

    @pytest.mark.parametrize("name", ["image", "user_mask"])
    def test_plain_text(self, client: Client, name: str) -> None:
        contents = {"image": photo_file(), "user_mask": mask_file()}
        parts = [
            part(f'form-data; name="{field}"', b"a text") if field == name else file_part(field, data)
            for field, data in contents.items()
        ]
        assert_failure(post_parts(client, *parts), "UNSUPPORTED_PARAMETER_VALUES", name)

    @pytest.mark.parametrize("text", [b"https://example.com/picture.png", b"data:image/png;base64,iVBORw0KGgo="])
    def test_a_link_as_text(self, client: Client, text: bytes) -> None:
        answer = post_parts(client, part('form-data; name="image"', text), file_part("user_mask", mask_file()))
        assert_failure(answer, "UNSUPPORTED_PARAMETER_VALUES", "image")

    @pytest.mark.parametrize("name", ["image", "user_mask"])
    def test_zero_bytes(self, client: Client, name: str) -> None:
        empty = {"image": None, "mask": None} | {{"image": "image", "user_mask": "mask"}[name]: b""}
        assert_failure(client.erase(**empty), "PARAMETERS_CANNOT_EMPTY", name)

    @pytest.mark.parametrize("twice", ["image", "user_mask", "mask_image"])
    def test_the_same_file_twice(self, client: Client, twice: str) -> None:
        parts = [file_part("image", photo_file()), file_part("user_mask", mask_file()), file_part(twice, mask_file())]
        assert_failure(post_parts(client, *parts), "ERROR_TOO_MANY_FILES")

    def test_the_image_twice_and_no_mask(self, client: Client) -> None:
        parts = [file_part("image", photo_file()), file_part("image", photo_file())]
        assert_failure(post_parts(client, *parts), "ERROR_TOO_MANY_FILES", "image")

    def test_a_third_file(self, client: Client) -> None:
        parts = [file_part(name, photo_file()) for name in ("image", "user_mask", "another")]
        assert_failure(post_parts(client, *parts), "ERROR_TOO_MANY_FILES")


class TestLimits:
    @pytest.mark.parametrize("name", ["image", "user_mask"])
    def test_file_size(self, client: Client, server: Server, name: str) -> None:
        contents = {
            "image": file_of(photo(), "BMP"),
            "user_mask": file_of(boxed(mode="RGB", inside=(255, 255, 255), outside=(0, 0, 0)), "BMP"),
        }
        largest = {**contents, name: padded(contents[name], 3 * MEGABYTE)}
        assert_success(client.erase(largest["image"], largest["user_mask"]), server.base)
        over = {**contents, name: padded(contents[name], 3 * MEGABYTE + 1)}
        assert_failure(client.erase(over["image"], over["user_mask"]), "FILE_SIZE_EXCEEDS_LIMIT", name, "3145728")

    def test_both_files_may_be_as_large_as_allowed(self, client: Client, server: Server) -> None:
        image = padded(file_of(photo(), "BMP"), 3 * MEGABYTE)
        mask = padded(file_of(boxed(), "BMP"), 3 * MEGABYTE)
        assert_success(client.erase(image, mask), server.base)

    @pytest.mark.parametrize("size", [(4096, 1), (1, 4096)])
    def test_longest_side(self, client: Client, server: Server, size: tuple[int, int]) -> None:
        mask = boxed(size, box=(0, 0, 1, 1))
        assert_success(client.erase(file_of(photo(size)), file_of(mask)), server.base)

    @pytest.mark.parametrize("size", [(4097, 2), (2, 4097)])
    @pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "WEBP"])
    def test_side_too_long(self, client: Client, size: tuple[int, int], format: str) -> None:
        answer = client.erase(photo_file(format, size), mask_file(size))
        assert_failure(answer, "FILE_RESOLUTION_EXCEEDS_LIMITS", "image", "4097", "4096")

    def test_side_of_the_mask_too_long(self, client: Client) -> None:
        answer = client.erase(photo_file(), mask_file((4097, 2)))
        assert_failure(answer, "FILE_RESOLUTION_EXCEEDS_LIMITS", "mask", "4097")

    def test_side_is_refused_on_the_header(self, client: Client) -> None:
        answer = client.erase(png_claiming(60000, 60000))
        assert_failure(answer, "FILE_RESOLUTION_EXCEEDS_LIMITS", "60000x60000")

    def test_limits_are_the_settings(self, start_server: StartServer) -> None:
        own = start_server(max_side=50, max_file_bytes=4000)
        assert_success(own.client.erase(photo_file(size=(30, 30)), mask_file((30, 30))), own.base)
        assert_failure(own.client.erase(photo_file(size=(51, 3))), "FILE_RESOLUTION_EXCEEDS_LIMITS", "51x3")
        assert_failure(own.client.erase(noise_file((40, 40))), "FILE_SIZE_EXCEEDS_LIMIT", "4000")


class TestContent:
    @pytest.mark.parametrize(
        "data",
        [
            file_of(photo(), "GIF"),
            file_of(photo(), "TIFF"),
            file_of(photo(), "PPM"),
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"%PDF-1.7",
            b"\0\0\0\x18ftypheic",
            b"RIFF\0\0\0\0WAVE",
            b"x",
            b"\0" * 1000,
            io.BytesIO(b"<html></html>").getvalue(),
        ],
    )
    def test_none_of_the_four_formats(self, client: Client, data: bytes) -> None:
        assert_failure(client.erase(image=data), "UNSUPPORTED_FILE_TYPES", "image")
        assert_failure(client.erase(mask=data), "UNSUPPORTED_FILE_TYPES", "mask")

    @pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "WEBP"])
    @pytest.mark.parametrize("kept", [0.5, 0.9])
    def test_cut_off(self, client: Client, format: str, kept: float) -> None:
        whole = photo_file(format, (200, 150))
        mask = mask_file((200, 150))
        assert_failure(client.erase(whole[: int(len(whole) * kept)], mask), "FILE_DECODING_FAILURE", "image")

    @pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "WEBP"])
    def test_signature_and_nothing_more(self, client: Client, format: str) -> None:
        assert_failure(client.erase(photo_file(format)[:14]), "FILE_DECODING_FAILURE", "image")
        assert_failure(client.erase(mask=photo_file(format)[:14]), "FILE_DECODING_FAILURE", "mask")

    @pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
    def test_garbage_behind_the_signature(self, client: Client, format: str) -> None:
        broken = photo_file(format)[:16] + bytes(range(256)) * 8
        assert client.erase(broken).status_code in (413, 422)

    def test_damaged_png(self, client: Client) -> None:
        data = bytearray(photo_file())
        data[len(data) // 2] ^= 0xFF
        assert_failure(client.erase(bytes(data)), "FILE_DECODING_FAILURE", "image")

    def test_the_server_goes_on_after_all_this(self, client: Client, server: Server) -> None:
        assert_success(client.erase(), server.base)


def test_fields_of_the_message_are_those_of_the_client(client: Client) -> None:
    answer = client.request("POST", PATH, files=files(mask=b"no picture", mask_name="mask_image"))
    assert_failure(answer, "UNSUPPORTED_FILE_TYPES", "mask_image")


@pytest.mark.parametrize(
    "disposition", ["form-data; name=\"image\"; filename*=UTF-8''notes.txt", 'form-data; name="image"; filename=""']
)
def test_a_file_that_is_no_picture_is_a_file_all_the_same(client: Client, disposition: str) -> None:
    answer = post_parts(client, part(disposition, b"a text"), file_part("user_mask", mask_file()))
    assert_failure(answer, "UNSUPPORTED_FILE_TYPES", "image")


def test_the_type_of_a_part_makes_it_a_file(client: Client) -> None:
    parts = [file_part("image", b"no text", None, "application/octet-stream"), file_part("user_mask", mask_file())]
    assert_failure(post_parts(client, *parts), "UNSUPPORTED_FILE_TYPES", "image")


def test_an_answer_stays_short_whatever_the_client_calls_its_parts(client: Client) -> None:
    parts = [file_part(name, b"x") for name in ("image", "user_mask", "n" * 100_000)]
    answer = post_parts(client, *parts)
    assert_failure(answer, answer.json()["error_code_str"])
    assert len(answer.content) < 10_000


def test_an_unexpected_failure_is_an_envelope_too(start_server: StartServer) -> None:
    class Broken(Exception):
        pass

    class BreakingClock:
        broken = False

        def __call__(self) -> float:
            if self.broken:
                raise Broken("a secret in /tmp/secret.py")
            return 1_800_000_000.0

    clock = BreakingClock()
    own = start_server(clock=clock)
    clock.broken = True
    answer = own.client.erase()
    assert_failure(answer, "UNKNOWN_ERROR")
    assert "secret" not in answer.text
    clock.broken = False
    assert_success(own.client.erase(), own.base)


def test_a_picture_of_one_pixel(client: Client, server: Server) -> None:
    one = file_of(Image.new("RGB", (1, 1), (1, 2, 3)))
    url = assert_success(client.erase(one, file_of(Image.new("L", (1, 1), 0))), server.base)
    assert client.get(url).status_code == 200
