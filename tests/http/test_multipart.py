"""The various forms in which clients send the two files."""

import base64
import binascii
import http.client
import itertools
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_erase.http.transfer_encoding import QuotedPrintableDecoder
from support.envelope import Answer, assert_failure, assert_success
from support.multipart import BOUNDARY, body_of, content_type, file_part, part
from support.pictures import BOX, bounds, changed, mask_file, photo_file
from support.server import KEY, PATH, Client, Server, files

IMAGE, MASK = photo_file(), mask_file()


def post(client: Client, body: bytes | Iterator[bytes], kind: str = content_type(), **headers: str) -> httpx.Response:
    return client.request("POST", PATH, content=body, headers={"Content-Type": kind, **headers})


def assert_erased(client: Client, server: Server, answer: Answer) -> None:
    """The box has been erased and nothing else: both files have arrived whole, each as what it is."""
    url = assert_success(answer, server.base, "png")
    left, top, right, bottom = bounds(changed(IMAGE, client.get(url).content)) or (0, 0, 0, 0)
    assert (right - left) * (bottom - top) > 0
    assert left >= BOX[0]
    assert top >= BOX[1]
    assert right <= BOX[2]
    assert bottom <= BOX[3]


DISPOSITIONS = {
    "usual": 'form-data; name="{name}"; filename="{name}.png"',
    "name unquoted": "form-data; name={name}; filename={name}.png",
    "name unquoted, file name quoted": 'form-data; name={name}; filename="{name}.png"',
    "filename* only": "form-data; name=\"{name}\"; filename*=UTF-8''bild%20%C3%A4.png",
    "filename* unquoted name": "form-data; name={name}; filename*=utf-8''{name}.png",
    "filename and filename*": 'form-data; name="{name}"; filename="x.png"; filename*=UTF-8\'\'%C3%A4.png',
    "filename first": 'form-data; filename="x.png"; name="{name}"',
    "filename file": 'form-data; name="{name}"; filename="file"',
    "filename blob": 'form-data; name="{name}"; filename="blob"',
    "filename image.bin": 'form-data; name="{name}"; filename="image.bin"',
    "filename of another type": 'form-data; name="{name}"; filename="image.jpg"',
    "filename without ending": 'form-data; name="{name}"; filename="image"',
    "filename empty": 'form-data; name="{name}"; filename=""',
    "filename with quotes": 'form-data; name="{name}"; filename="a\\"b.png"',
    "filename with semicolon": 'form-data; name="{name}"; filename="a;b=c.png"',
    "filename with path": 'form-data; name="{name}"; filename="C:\\\\pictures\\\\..\\\\x.png"',
    "filename in UTF-8": 'form-data; name="{name}"; filename="фото.png"',
    "no filename": 'form-data; name="{name}"',
    "no spaces": 'form-data;name="{name}";filename="x"',
    "capitals": 'Form-Data; NAME="{name}"; FILENAME="x"',
}


@pytest.mark.parametrize("disposition", DISPOSITIONS.values(), ids=DISPOSITIONS.keys())
def test_disposition(client: Client, server: Server, disposition: str) -> None:
    parts = [part(disposition.format(name=name), data) for name, data in (("image", IMAGE), ("user_mask", MASK))]
    assert_erased(client, server, post(client, body_of(parts)))


@pytest.mark.parametrize(
    "kind",
    [None, "application/octet-stream", "image/*", "image/png", "image/jpeg", "text/plain", "text/html; charset=x", "x"],
)
def test_content_type_of_a_part(client: Client, server: Server, kind: str | None) -> None:
    parts = [file_part("image", IMAGE, content_type=kind), file_part("user_mask", MASK, content_type=kind)]
    assert_erased(client, server, post(client, body_of(parts)))


@pytest.mark.parametrize("kind", ["application/octet-stream", "image/png"])
def test_no_filename_but_a_type(client: Client, server: Server, kind: str) -> None:
    parts = [file_part("image", IMAGE, None, kind), file_part("user_mask", MASK, None, kind)]
    assert_erased(client, server, post(client, body_of(parts)))


def test_content_length_and_other_headers_of_a_part(client: Client, server: Server) -> None:
    parts = [
        part(
            f'form-data; name="{name}"; filename="x"',
            data,
            "Content-Type: image/png",
            f"Content-Length: {len(data)}",
            "Content-Transfer-Encoding: binary",
            "X-Anything: 1",
        )
        for name, data in (("image", IMAGE), ("user_mask", MASK))
    ]
    assert_erased(client, server, post(client, body_of(parts)))


@pytest.mark.parametrize("name", ["content-disposition", "CONTENT-DISPOSITION", "cOnTeNt-DiSpOsItIoN"])
def test_case_of_a_part_header(client: Client, server: Server, name: str) -> None:
    body = body_of([file_part("image", IMAGE), file_part("user_mask", MASK)])
    assert_erased(client, server, post(client, body.replace(b"Content-Disposition", name.encode())))


@pytest.mark.parametrize(
    "kind",
    [
        f'multipart/form-data; boundary="{BOUNDARY}"',
        f"multipart/form-data;boundary={BOUNDARY}",
        f"Multipart/Form-Data; Boundary={BOUNDARY}",
        f"multipart/form-data; charset=utf-8; boundary={BOUNDARY}",
        f"multipart/form-data; boundary={BOUNDARY}; charset=UTF-8",
    ],
)
def test_boundary_in_the_header(client: Client, server: Server, kind: str) -> None:
    body = body_of([file_part("image", IMAGE), file_part("user_mask", MASK)])
    assert_erased(client, server, post(client, body, kind))


@pytest.mark.parametrize("boundary", ["x", "gc0p4Jq0M2Yt08jU534c0p", "'()+_,-./:=?", "a" * 70])
def test_boundaries(client: Client, server: Server, boundary: str) -> None:
    body = body_of([file_part("image", IMAGE), file_part("user_mask", MASK)], boundary)
    assert_erased(client, server, post(client, body, f'multipart/form-data; boundary="{boundary}"'))


@pytest.mark.parametrize("name", ["user_mask", "mask_image", "mask"])
def test_names_of_the_mask(client: Client, server: Server, name: str) -> None:
    assert_erased(client, server, client.erase(IMAGE, MASK, mask_name=name))


def test_mask_first(client: Client, server: Server) -> None:
    assert_erased(client, server, post(client, body_of([file_part("user_mask", MASK), file_part("image", IMAGE)])))


@pytest.mark.parametrize("epilogue", [b"", b"\r\n", b"\r\n\r\n", b"\r\nThis is an epilogue.\r\n--and more"])
def test_epilogue(client: Client, server: Server, epilogue: bytes) -> None:
    parts = [file_part("image", IMAGE), file_part("user_mask", MASK)]
    assert_erased(client, server, post(client, body_of(parts, epilogue=epilogue)))


@pytest.mark.parametrize("preamble", [b"\r\n", b"This is a preamble.\r\n", b"--not the boundary\r\n\r\n"])
def test_preamble(client: Client, server: Server, preamble: bytes) -> None:
    parts = [file_part("image", IMAGE), file_part("user_mask", MASK)]
    assert_erased(client, server, post(client, body_of(parts, preamble=preamble)))


def test_unknown_fields_are_ignored(client: Client, server: Server) -> None:
    unknown = [part(f'form-data; name="{name}"', b"1") for name in ("sync", "task_type", "type", "")]
    parts = [unknown[0], file_part("image", IMAGE), unknown[1], file_part("user_mask", MASK), *unknown[2:]]
    assert_erased(client, server, post(client, body_of(parts)))


def test_unknown_query_is_ignored(client: Client, server: Server) -> None:
    assert_erased(client, server, client.request("POST", f"{PATH}?image=1&x", files=files()))


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_chunked_body(client: Client, server: Server, size: int) -> None:
    body = body_of([file_part("image", IMAGE), file_part("user_mask", MASK)])
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    answer = client.request("POST", PATH, content=pieces, headers={"Content-Type": content_type()})
    assert answer.request.headers["transfer-encoding"] == "chunked"
    assert_erased(client, server, answer)


@pytest.mark.parametrize("pieces", [False, True])
def test_upgrade_of_java(client: Client, server: Server, pieces: bool) -> None:
    headers = {
        "Connection": "Upgrade, HTTP2-Settings",
        "Upgrade": "h2c",
        "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        "User-Agent": "Java-http-client/17.0.9",
    }
    body = body_of([file_part("image", IMAGE), file_part("user_mask", MASK)])
    # An iterator makes it a chunked body.
    answer = post(client, iter([body[:100], body[100:]]) if pieces else body, **headers)
    assert answer.http_version == "HTTP/1.1"
    assert_erased(client, server, answer)


@pytest.mark.parametrize("name", ["AILABAPI-API-KEY", "Ailabapi-Api-Key", "ailabapi-api-key"])
def test_case_of_the_key_header(client: Client, server: Server, name: str) -> None:
    body = body_of([file_part("image", IMAGE), file_part("user_mask", MASK)])
    connection = http.client.HTTPConnection(*server.client.address, timeout=60)
    try:
        connection.request("POST", PATH, body, {name: f" {KEY} ", "CONTENT-TYPE": content_type()})
        assert connection.getresponse().status == 200
    finally:
        connection.close()


def test_a_boundary_like_line_inside_a_file(client: Client, server: Server) -> None:
    image = IMAGE + b"\r\n--" + BOUNDARY[:-1].encode() + b"\r\n\r\n--\r\n"
    assert_erased(client, server, post(client, body_of([file_part("image", image), file_part("user_mask", MASK)])))


def parts(encode: Callable[[bytes], bytes], name: str) -> bytes:
    """Both files, encoded. name: the header that says how."""
    named = (("image", IMAGE), ("user_mask", MASK))
    return body_of(part(f'form-data; name="{field}"; filename="a"', encode(data), name) for field, data in named)


BASE64, QUOTED = "Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: quoted-printable"


class TestBase64:
    """As Ansible's module `uri` sends files."""

    @pytest.mark.parametrize(
        "encode",
        [
            base64.encodebytes,
            base64.b64encode,
            lambda data: base64.b64encode(data).rstrip(b"="),
            lambda data: base64.encodebytes(data).replace(b"\n", b"\r\n"),
            lambda data: b"\r\n".join(bytes([one]) for one in base64.b64encode(data)),
        ],
    )
    @pytest.mark.parametrize("name", [BASE64, "content-transfer-encoding:  BASE64 "])
    def test_is_decoded(self, client: Client, server: Server, encode: Callable[[bytes], bytes], name: str) -> None:
        assert_erased(client, server, post(client, parts(encode, name)))

    def test_in_pieces(self, client: Client, server: Server) -> None:
        body = parts(base64.encodebytes, BASE64)
        assert_erased(client, server, post(client, iter([body[at : at + 61] for at in range(0, len(body), 61)])))

    @pytest.mark.parametrize("name", ["binary", "8bit", "7bit", "x-unknown"])
    def test_other_encodings_change_nothing(self, client: Client, server: Server, name: str) -> None:
        assert_erased(client, server, post(client, parts(bytes, f"Content-Transfer-Encoding: {name}")))

    @pytest.mark.parametrize("data", [b"!!!!", b"QUJD=QUJD", b"QUI=QUI=", b"A", b"====", b"QUJD\xff"])
    def test_that_is_none(self, client: Client, data: bytes) -> None:
        assert_failure(post(client, parts(lambda _: data, BASE64)), "ERROR_PARAMETERS", "base64")


def quoted(data: bytes) -> bytes:
    """With line feeds at the ends of lines."""
    return binascii.b2a_qp(data, quotetabs=True, istext=False).replace(b"\r\n", b"\n")


class TestQuotedPrintable:
    """As email programs and some of what sends forms with their libraries do."""

    @pytest.mark.parametrize(
        "encode",
        [
            quoted,
            lambda data: quoted(data).replace(b"\n", b"\r\n"),
            lambda data: quoted(data).replace(b"=\n", b"= \t \r\n") + b"=",
            lambda data: b"".join(b"=%02x" % byte for byte in data),
        ],
        ids=["LF", "CRLF", "blanks at ends of lines", "all escaped, no line"],
    )
    @pytest.mark.parametrize("name", [QUOTED, QUOTED.upper()])
    def test_is_decoded(self, client: Client, server: Server, encode: Callable[[bytes], bytes], name: str) -> None:
        assert_erased(client, server, post(client, parts(encode, name)))

    def test_in_pieces(self, client: Client, server: Server) -> None:
        body = parts(quoted, QUOTED)
        assert_erased(client, server, post(client, iter([body[at : at + 61] for at in range(0, len(body), 61)])))

    @pytest.mark.parametrize("data", [b"=GG", b"a=4", b"a=4=", b"==", b"= x", b"=\rx", b"=" + b" " * 90 + b"\n"])
    def test_that_is_none(self, client: Client, data: bytes) -> None:
        answer = post(client, parts(lambda _: data, QUOTED))
        assert_failure(answer, "ERROR_PARAMETERS", "quoted-printable")

    @given(st.binary(max_size=400), st.booleans(), st.lists(st.integers(1, 90), min_size=1, max_size=9))
    def test_any_bytes_in_any_pieces(self, data: bytes, is_text: bool, sizes: list[int]) -> None:
        encoded = binascii.b2a_qp(data, istext=is_text)
        decoder, decoded, at = QuotedPrintableDecoder(), b"", 0
        for size in itertools.cycle(sizes):
            if at >= len(encoded):
                break
            decoded += decoder.feed(encoded[at : at + size])
            at += size
        assert decoded + decoder.end() == binascii.a2b_qp(encoded)
