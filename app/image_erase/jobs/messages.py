"""The messages between server and worker, one class for each, and their encoding in frames.

This module imports no library, so that workers start fast; the server reads messages of workers by `reading.py`, which
validates every field.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar, Literal

from image_erase.jobs.frames import Frame
from image_erase.jobs.request import Effort, JobRequest

Subject = Literal["image", "mask"]
Suffix = Literal["jpg", "png", "webp", "bmp", "tif", "gif", "avif", "heic"]
PartSuffix = Literal["jpg", "png"]

# No job lasts an hour, and no side, seed or stack is larger. A worker that exceeds these limits is faulty.
_MAX_MILLISECONDS = 3_600_000.0
_MAX_SIDE = 1 << 20
_MAX_TEXT = 1000


class FormatReason(StrEnum):
    """What a result's format made necessary, by name; see imaging/formats.py."""

    GIF_TO_PNG = "gif_to_png"
    TO_JPEG = "to_jpeg"
    TO_WEBP = "to_webp"
    TOO_LARGE = "too_large"
    NO_ALPHA = "no_alpha"
    EIGHT_BITS = "eight_bits"
    NO_INK = "no_ink"


class Failure(StrEnum):
    """Why a job has no result: the name of a problem with a file, or a failure of the worker."""

    UNSUPPORTED_FORMAT = "unsupported_format"
    BROKEN_FILE = "broken_file"
    SIDE_TOO_LONG = "side_too_long"
    SIDE_TOO_SHORT = "side_too_short"
    TOO_MANY_PIXELS = "too_many_pixels"
    SIZE_MISMATCH = "size_mismatch"
    NOTHING_TO_FILL_FROM = "nothing_to_fill_from"
    NOTHING_MARKED = "nothing_marked"
    NO_MEMORY = "no_memory"
    FAILED = "failed"


@dataclass(frozen=True)
class Facts:
    """Facts about a finished job, for the log.

    Times in milliseconds, sides in pixels, hole as its share of the picture. engine: names joined by `+`, None if
    nothing was filled. reencode_reason: why a JPEG was re-encoded as a whole, None if it was not. empty_mask: True if
    the mask erases nothing, otherwise None. format_reasons: what the result's format made necessary.
    """

    decode_ms: float
    erase_ms: float
    encode_ms: float
    engine: str | None
    width: int
    height: int
    hole: float
    effort: Effort
    seed: int
    reencode_reason: str | None
    empty_mask: bool | None = None
    format_reasons: tuple[FormatReason, ...] = ()

    @property
    def seconds(self) -> dict[str, float]:
        """The seconds spent in each stage, in order."""
        return {"decode": self.decode_ms / 1000, "erase": self.erase_ms / 1000, "encode": self.encode_ms / 1000}

    @property
    def engines(self) -> list[str]:
        """The names of the engines that filled something."""
        return self.engine.split("+") if self.engine else []

    def __post_init__(self) -> None:
        """Raise ValueError if a value is out of range."""
        times = (self.decode_ms, self.erase_ms, self.encode_ms)
        _require(all(0 <= time <= _MAX_MILLISECONDS for time in times), "times")
        _require(0 < self.width <= _MAX_SIDE and 0 < self.height <= _MAX_SIDE, "sides")
        _require(math.isfinite(self.hole) and 0 <= self.hole <= 1, "hole")
        _require(len(self.engine or "") <= _MAX_TEXT and len(self.reencode_reason or "") <= _MAX_TEXT, "texts")


@dataclass(frozen=True)
class Job:
    """Request for a job. seconds: until its deadline."""

    seconds: float
    request: JobRequest
    image: bytes | bytearray
    mask: bytes | bytearray

    blobs: ClassVar[tuple[str, ...]] = ("image", "mask")
    kind: Literal["job"] = "job"


@dataclass(frozen=True)
class Ping:
    """Request for a Pong."""

    blobs: ClassVar[tuple[str, ...]] = ()
    kind: Literal["ping"] = "ping"


@dataclass(frozen=True)
class Ready:
    """A worker's first message. version: of its package. trace: the stack of a failed warm-up, None if it succeeded.

    reencode_reason: why it re-encodes every JPEG as a whole, None if it does not.
    """

    version: str
    trace: str | None = None
    reencode_reason: str | None = None

    blobs: ClassVar[tuple[str, ...]] = ()
    kind: Literal["ready"] = "ready"

    def __post_init__(self) -> None:
        """Raise ValueError if the reason is too long."""
        _require(len(self.reencode_reason or "") <= _MAX_TEXT, "reason")


@dataclass(frozen=True)
class Refused:
    """A worker's first and last message if it cannot use its options."""

    reason: str

    blobs: ClassVar[tuple[str, ...]] = ()
    kind: Literal["refused"] = "refused"


@dataclass(frozen=True)
class Pong:
    """Answer to a Ping."""

    blobs: ClassVar[tuple[str, ...]] = ()
    kind: Literal["pong"] = "pong"


@dataclass(frozen=True)
class Begun:
    """The worker has received the whole job. From now on no other worker may try it."""

    blobs: ClassVar[tuple[str, ...]] = ()
    kind: Literal["begun"] = "begun"


@dataclass(frozen=True)
class Place:
    """Where a part of a result belongs. suffix: of the part's file. x, y, width, height: what it replaces.

    left, top: where that begins in the picture of the part. All in pixels.
    """

    suffix: PartSuffix
    x: int
    y: int
    width: int
    height: int
    left: int = 0
    top: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError if a value is out of range."""
        _require(all(0 <= at <= _MAX_SIDE for at in (self.x, self.y, self.left, self.top)), "place")
        _require(0 < self.width <= _MAX_SIDE and 0 < self.height <= _MAX_SIDE, "size of a part")


@dataclass(frozen=True)
class Done:
    """A job's result. data: the file, empty after a check. suffix: of the file, or of the file that was checked.

    part: the file of its changed part, empty if there is none. place: of the part.
    """

    suffix: Suffix
    facts: Facts
    data: bytes | bytearray = b""
    part: bytes | bytearray = b""
    place: Place | None = None

    blobs: ClassVar[tuple[str, ...]] = ("data", "part")
    kind: Literal["done"] = "done"


@dataclass(frozen=True)
class Failed:
    """A job without a result. subject: the file concerned. detail: text for the client, may be empty.

    trace: the stack of an unexpected failure, for the log and never for a client.
    """

    failure: Failure
    subject: Subject = "image"
    detail: str = ""
    trace: str | None = None

    blobs: ClassVar[tuple[str, ...]] = ()
    kind: Literal["failed"] = "failed"

    def __post_init__(self) -> None:
        """Raise ValueError if the detail is too long for a client."""
        _require(len(self.detail) <= _MAX_TEXT, "detail")


ToWorker = Job | Ping
FromWorker = Ready | Refused | Pong | Begun | Done | Failed


def frame_of(message: ToWorker | FromWorker) -> Frame:
    """Return the frame that carries a message."""
    named = {field.name: getattr(message, field.name) for field in fields(message)}
    blobs = tuple(named.pop(name) for name in message.blobs)
    return Frame(json.dumps(named, default=vars).encode(), blobs)


def request_of(frame: Frame) -> ToWorker:
    """Return the message in a frame from the server. Raises ValueError, KeyError or TypeError if it is invalid."""
    head: Mapping[str, Any] = json.loads(frame.head)
    if head["kind"] == "ping":
        return Ping()
    image, mask = frame.blobs
    return Job(head["seconds"], JobRequest.from_json(head["request"]), image, mask)


def _require(true: bool, what: str) -> None:
    if not true:
        raise ValueError(f"invalid {what}")
