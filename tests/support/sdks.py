"""Requests as the vendor's SDKs send them, including what their HTTP libraries add."""

from collections.abc import Callable
from dataclasses import dataclass

from support.raw import head_of

Value = bytes | int | float | str
Fields = dict[str, Value]
#: Headers of a part -> the lines above its data. value: what it says. type: of a file; None for a text.
WritePart = Callable[[str, bytes, str | None], list[str]]
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
UUID = "2f0c6a1e-5b77-4c0d-9a43-6f1e2d3c4b5a"


@dataclass(frozen=True)
class Sdk:
    """One language's SDK.

    headers: of the request, in their order; `{key}`, `{host}`, `{length}` and `{boundary}` are filled in.
    part: the header lines of one part. whole: how it prints a number that is whole but not an integer.
    in_order: the order in which it writes the fields.
    """

    boundary: str
    headers: tuple[str, ...]
    part: WritePart
    whole: str = "7"
    in_order: Callable[[Fields], list[str]] = list

    def request(self, path: str, fields: Fields, address: tuple[str, int], key: str) -> bytes:
        """The whole request, ready for the socket."""
        body = self._body(fields)
        facts = {"key": key, "host": "{}:{}".format(*address), "length": len(body), "boundary": self.boundary}
        headers = dict(line.format(**facts).split(": ", 1) for line in self.headers)
        return head_of(path, headers) + body

    def query(self, target: str, address: tuple[str, int], key: str) -> bytes:
        """A GET with the same headers, as far as they don't speak of a body."""
        facts = {"key": key, "host": "{}:{}".format(*address)}
        lines = [line for line in self.headers if not line.lower().startswith("content-")]
        return head_of(target, dict(line.format(**facts).split(": ", 1) for line in lines), "GET")

    def _body(self, fields: Fields) -> bytes:
        parts = []
        for name in self.in_order(fields):
            value = fields[name]
            data = value if isinstance(value, bytes) else self._text(value)
            lines = self.part(name, data, _type_of(value) if isinstance(value, bytes) else None)
            parts.append("".join(f"{line}\r\n" for line in (f"--{self.boundary}", *lines, "")).encode() + data)
        return b"\r\n".join([*parts, f"--{self.boundary}--\r\n".encode()])

    def _text(self, value: Value) -> bytes:
        return (self.whole if value == 7.0 and isinstance(value, float) else str(value)).encode()


def _type_of(data: bytes) -> str:
    return "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"


def _file_name(name: str, kind: str) -> str:
    return f"{name}.{kind.removeprefix('image/').replace('jpeg', 'jpg')}"


def _plain(name: str, data: bytes, kind: str | None) -> list[str]:
    """What most of them write."""
    disposition = f'Content-Disposition: form-data; name="{name}"'
    return [f'{disposition}; filename="{_file_name(name, kind)}"', f"Content-Type: {kind}"] if kind else [disposition]


def _go(name: str, data: bytes, kind: str | None) -> list[str]:
    """Bytes without a name are called `.bin`."""
    return [line.replace(".png", ".bin").replace(".jpg", ".bin") for line in _plain(name, data, kind)]


def _guzzle(name: str, data: bytes, kind: str | None) -> list[str]:
    """The caller's header first, and every part says how long it is."""
    lines = _plain(name, data, kind)
    return [*lines[:0:-1], lines[0], f"Content-Length: {len(data)}"]


def _okhttp(name: str, data: bytes, kind: str | None) -> list[str]:
    return [*_plain(name, data, kind), f"Content-Length: {len(data)}"]


def _dart(name: str, data: bytes, kind: str | None) -> list[str]:
    disposition = f'content-disposition: form-data; name="{name}"'
    return [f"content-type: {kind}", f'{disposition}; filename="{_file_name(name, kind)}"'] if kind else [disposition]


def _dotnet(name: str, data: bytes, kind: str | None) -> list[str]:
    if kind is None:
        return ["Content-Type: text/plain; charset=utf-8", f"Content-Disposition: form-data; name={name}"]
    file = _file_name(name, kind)
    disposition = f"Content-Disposition: form-data; name={name}; filename={file}; filename*=utf-8''{file}"
    return [f"Content-Type: {kind}", disposition]


def _rust(name: str, data: bytes, kind: str | None) -> list[str]:
    """Bytes without a type are said to be just that."""
    return [line.replace(str(kind), "application/octet-stream") for line in _plain(name, data, kind)]


def _texts_first(fields: Fields) -> list[str]:
    return sorted(fields, key=lambda name: isinstance(fields[name], bytes))


FORM = "multipart/form-data; boundary={boundary}"

SDKS = {
    "Node": Sdk(
        "-" * 26 + "012345678901234567890123",
        (
            "Accept: application/json, text/plain, */*",
            f"Content-Type: {FORM}",
            "ailabapi-api-key: {key}",
            "User-Agent: axios/1.7.9",
            "Content-Length: {length}",
            "Accept-Encoding: gzip, compress, deflate, br",
            "Host: {host}",
            "Connection: keep-alive",
        ),
        _plain,
    ),
    "Node, its own fetch": Sdk(
        "----formdata-undici-015020756017",
        (
            "host: {host}",
            "connection: keep-alive",
            "ailabapi-api-key: {key}",
            f"content-type: {FORM}",
            "accept: */*",
            "accept-language: *",
            "sec-fetch-mode: cors",
            "user-agent: node",
            "accept-encoding: gzip, deflate",
            "content-length: {length}",
        ),
        _plain,
    ),
    "Go": Sdk(
        HEX[:60],
        (
            "Host: {host}",
            "User-Agent: Go-http-client/1.1",
            "Content-Length: {length}",
            "Ailabapi-Api-Key: {key}",
            f"Content-Type: {FORM}",
            "Accept-Encoding: gzip",
        ),
        _go,
    ),
    "Java": Sdk(
        f"----AILabTools-{UUID}",
        (
            "Connection: Upgrade, HTTP2-Settings",
            "Content-Length: {length}",
            "Host: {host}",
            "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA",
            "Upgrade: h2c",
            "User-Agent: Java-http-client/17.0.15",
            "ailabapi-api-key: {key}",
            f"Content-Type: {FORM}",
        ),
        _plain,
        whole="7.0",
    ),
    "PHP": Sdk(
        HEX[:40],
        (
            "Host: {host}",
            "User-Agent: GuzzleHttp/7",
            "ailabapi-api-key: {key}",
            f"Content-Type: {FORM}",
            "Content-Length: {length}",
        ),
        _guzzle,
    ),
    "Ruby": Sdk(
        f"----AILabTools-{HEX[:32]}",
        (
            "Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3",
            "Accept: */*",
            "User-Agent: Ruby",
            "Host: {host}",
            f"Content-Type: {FORM}",
            "Ailabapi-Api-Key: {key}",
            "Connection: close",
            "Content-Length: {length}",
        ),
        _plain,
        whole="7.0",
    ),
    "Rust": Sdk(
        "-".join(HEX[at : at + 16] for at in range(0, 64, 16)),
        (
            "ailabapi-api-key: {key}",
            f"content-type: {FORM}",
            "content-length: {length}",
            "accept: */*",
            "host: {host}",
        ),
        _rust,
    ),
    "Dart": Sdk(
        "dart-http-boundary-zEDT_cKh5lXBX_ZzZw9ZYLB8wPP+Zf-njJ-Oz80+cHqm2Sb2y.1",
        (
            "user-agent: Dart/3.5 (dart:io)",
            f"content-type: {FORM}",
            "accept-encoding: gzip",
            "content-length: {length}",
            "host: {host}",
            "ailabapi-api-key: {key}",
        ),
        _dart,
        whole="7.0",
        in_order=_texts_first,
    ),
    ".NET": Sdk(
        f"----AILabTools-{HEX[:32]}",
        (
            "Host: {host}",
            "ailabapi-api-key: {key}",
            'Content-Type: multipart/form-data; boundary="{boundary}"',
            "Content-Length: {length}",
        ),
        _dotnet,
    ),
    "Kotlin": Sdk(
        UUID,
        (
            "ailabapi-api-key: {key}",
            f"Content-Type: {FORM}",
            "Content-Length: {length}",
            "Host: {host}",
            "Connection: Keep-Alive",
            "Accept-Encoding: gzip",
            "User-Agent: okhttp/4.12.0",
        ),
        _okhttp,
        whole="7.0",
    ),
    "Swift": Sdk(
        f"AILabTools-{UUID.upper()}",
        (
            "Host: {host}",
            f"Content-Type: {FORM}",
            "Connection: keep-alive",
            "Accept: */*",
            "User-Agent: Example/1 CFNetwork/1568.200.51 Darwin/24.1.0",
            "Accept-Language: en-GB,en;q=0.9",
            "Content-Length: {length}",
            "ailabapi-api-key: {key}",
            "Accept-Encoding: gzip, deflate",
        ),
        _plain,
        whole="7.0",
        in_order=sorted,
    ),
}
