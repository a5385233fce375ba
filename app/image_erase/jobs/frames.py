"""What server and worker say to each other: a small JSON header and the bytes that belong to it.

Nothing is unpickled: a worker has read hostile files, so the server believes no more of it than JSON and bytes.
"""

import asyncio
import json
import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO

#: Where a head carries the stack of what went wrong in the worker: for the log, never for a client.
TRACE = "trace"
MAX_HEADER_BYTES = 64 * 1024
MAX_BLOB_BYTES = 512 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """What arrived is no frame."""


@dataclass(frozen=True)
class Frame:
    """head: what JSON can say. blobs: the bytes."""

    head: dict[str, Any]
    blobs: tuple[bytes | bytearray, ...] = field(default=())

    def pieces(self) -> list[bytes | bytearray]:
        """The frame as it goes over the pipe, without copying the blobs."""
        head = json.dumps(self.head | {"blobs": [len(blob) for blob in self.blobs]}).encode()
        return [_LENGTH.pack(len(head)) + head, *self.blobs]


def _head_length(data: bytes) -> int:
    length: int = _LENGTH.unpack(data)[0]
    if length > MAX_HEADER_BYTES:
        raise FrameError("header too long")
    return length


def _head(data: bytes) -> tuple[dict[str, Any], list[int]]:
    try:
        head = json.loads(data)
        sizes = head.pop("blobs")
        if not all(isinstance(size, int) and 0 <= size <= MAX_BLOB_BYTES for size in sizes):
            raise FrameError("blob too long")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FrameError("header is not a frame's") from None
    return head, sizes


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """Read one frame on the server's side. Raises FrameError, or asyncio.IncompleteReadError at the pipe's end."""
    head, sizes = _head(await reader.readexactly(_head_length(await reader.readexactly(_LENGTH.size))))
    return Frame(head, tuple([await reader.readexactly(size) for size in sizes]))


def receive_frame(stream: BinaryIO) -> Frame | None:
    """Read one frame on the worker's side; None at the pipe's end."""
    prefix = stream.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    head, sizes = _head(stream.read(_head_length(prefix)))
    return Frame(head, tuple(stream.read(size) for size in sizes))


def send_frame(stream: BinaryIO, frame: Frame) -> None:
    """Write one frame on the worker's side."""
    for piece in frame.pieces():
        stream.write(piece)
    stream.flush()
