"""The frames that server and worker exchange through pipes: a text head followed by binary blobs.

Nothing is unpickled: a worker has read untrusted files, so the server relies on lengths and bytes only.
`messages.py` interprets the head.
"""

import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

MAX_HEAD_BYTES = 64 * 1024
MAX_BLOBS = 2
MAX_BLOB_BYTES = 512 * 1024 * 1024
_START = struct.Struct(">IB")
_SIZE = struct.Struct(">I")
# Yields the number of bytes that it needs next, receives them, and returns the frame.
_Reading = Generator[int, bytearray, "Frame"]


class FrameError(Exception):
    """The bytes received are not a frame."""


@dataclass(frozen=True)
class Frame:
    """head: text, JSON as messages write it. blobs: at most MAX_BLOBS."""

    head: bytes
    blobs: tuple[bytes | bytearray, ...] = field(default=())

    def pieces(self) -> list[bytes | bytearray]:
        """Return the frame as it is sent, without copying the blobs."""
        sizes = b"".join(_SIZE.pack(len(blob)) for blob in self.blobs)
        return [_START.pack(len(self.head), len(self.blobs)) + sizes + self.head, *self.blobs]


class FrameDecoder:
    """Decodes bytes, which may arrive in portions of any size, into frames."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._frame = _reading()
        #: How many bytes the next step needs.
        self.wanted = next(self._frame)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Add bytes and yield the frames that they complete. After a FrameError, nothing more can be read."""
        self._received += data
        while len(self._received) >= self.wanted:
            try:
                self.wanted = self._frame.send(self._take(self.wanted))
            except StopIteration as complete:
                self._frame = _reading()
                self.wanted = next(self._frame)
                yield complete.value

    def _take(self, size: int) -> bytearray:
        """Remove bytes from the front. A blob that fills the whole buffer is not copied."""
        if size == len(self._received):
            taken, self._received = self._received, bytearray()
            return taken
        taken = self._received[:size]
        del self._received[:size]
        return taken


def _reading() -> _Reading:
    head_size, count = _START.unpack((yield _START.size))
    _check(head_size, MAX_HEAD_BYTES)
    _check(count, MAX_BLOBS)
    sizes = [size for (size,) in _SIZE.iter_unpack((yield count * _SIZE.size))]
    for size in sizes:
        _check(size, MAX_BLOB_BYTES)
    head = bytes((yield head_size))
    blobs = []
    for size in sizes:
        blobs.append((yield size))
    return Frame(head, tuple(blobs))


def receive_frame(stream: BinaryIO) -> Frame | None:
    """Read one frame from a blocking stream; None at its end, also inside a frame. Raises FrameError."""
    decoder = FrameDecoder()
    while portion := stream.read(decoder.wanted):
        for frame in decoder.feed(portion):
            return frame
    return None


def send_frame(stream: BinaryIO, frame: Frame) -> None:
    """Write one frame to a blocking stream."""
    for piece in frame.pieces():
        stream.write(piece)
    stream.flush()


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise FrameError(f"{size} is more than {limit}")
