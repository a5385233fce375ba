"""Multipart bodies, also in the unusual forms of real clients."""

from collections.abc import Iterable

BOUNDARY = "----boundary0123456789"


def part(disposition: str, data: bytes, *headers: str) -> bytes:
    """One part. disposition: the whole value of Content-Disposition."""
    lines = [f"Content-Disposition: {disposition}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def file_part(name: str, data: bytes, filename: str | None = "file", content_type: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    return part(disposition, data, *([f"Content-Type: {content_type}"] if content_type else []))


def body_of(
    parts: Iterable[bytes], boundary: str = BOUNDARY, preamble: bytes = b"", epilogue: bytes = b"\r\n"
) -> bytes:
    delimiter = f"--{boundary}".encode()
    return preamble + b"".join(delimiter + b"\r\n" + one + b"\r\n" for one in parts) + delimiter + b"--" + epilogue


def content_type(boundary: str = BOUNDARY) -> str:
    return f"multipart/form-data; boundary={boundary}"
