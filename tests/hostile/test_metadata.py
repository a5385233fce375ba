"""No metadata of a file make a job that keeps them fail or slow."""

import struct
import zlib
from collections.abc import Callable

from support.envelope import assert_success
from support.files import chunk, png_file
from support.pictures import mask_file
from support.server import Server

SIZE = (32, 32)
XMP = b"XML:com.adobe.xmp\0"
MEGABYTE = 1024 * 1024


def compressed_xmp(packet: bytes) -> bytes:
    return chunk(b"iTXt", XMP + b"\1\0\0\0" + zlib.compress(packet, 9))


def strips(count: int) -> bytes:
    """A TIFF structure whose second IFD names strips that all run to the end."""
    values = 8 + 18 + 30
    table = struct.pack("<HHHIIHHIII", 2, 0x0111, 4, count, values, 0x0117, 4, count, values + 4 * count, 0)
    head = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0112, 3, 1, 1, 26) + table
    return head + struct.pack("<I", values) * count + struct.pack("<I", 0x7FFFFFFF) * count + b"\1" * 400_000


def overlapping(count: int) -> bytes:
    """A TIFF structure of tags whose values are all the rest of it."""
    size = 2 * MEGABYTE
    tags = b"".join(struct.pack("<HHII", tag, 7, size - MEGABYTE, 8) for tag in range(count))
    return (b"II*\0" + struct.pack("<IH", 8, count) + tags).ljust(size, b"\1")


HOSTILE: dict[str, Callable[[], bytes]] = {
    "an XMP chunk of nothing": lambda: chunk(b"iTXt", XMP),
    "an XMP chunk of a byte": lambda: chunk(b"iTXt", XMP + b"\0"),
    "XMP with an unknown compression": lambda: chunk(b"iTXt", XMP + b"\1\7\0\0abc"),
    "XMP that cannot be inflated": lambda: chunk(b"iTXt", XMP + b"\1\0\0\0abc"),
    "tags never closed": lambda: compressed_xmp(b"<xmp:Thumbnails " * 60_000),
    "tags without end": lambda: compressed_xmp(b"<GImage:Data " * 60_000),
    "runs of base64": lambda: compressed_xmp((b"/9j/" + b"A" * 195 + b"!") * 4500),
    "a flood of elements": lambda: compressed_xmp(b"<a>" + b"<b c='d'/>" * 100_000 + b"</a>"),
    "XMP that inflates a hundred times": lambda: compressed_xmp(b"<a>" + bytes(MEGABYTE - 7) + b"</a>") * 900,
    "texts that inflate a hundred times": lambda: chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(MEGABYTE), 9)) * 900,
    "EXIF of strips": lambda: chunk(b"eXIf", strips(2000)),
    "EXIF of more strips": lambda: chunk(b"eXIf", strips(100_000)),
    "EXIF of overlapping values": lambda: chunk(b"eXIf", overlapping(65_000)),
    "a text of base64": lambda: chunk(b"tEXt", b"a\0" + b"/9j/A!" * 400_000),
}


def test_metadata_neither_fail_nor_slow_a_job(start_server: Callable[..., Server]) -> None:
    server = start_server(metadata="all", deadline_seconds=10.0)
    for name, make in HOSTILE.items():
        answer = server.client.erase(png_file(SIZE, 8, 2, make()), mask_file(SIZE))
        assert answer.status_code == 200, name
        assert_success(answer, server.base)
