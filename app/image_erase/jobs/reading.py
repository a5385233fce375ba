"""Read messages from workers and validate every field: a worker has read untrusted files and may be compromised."""

from dataclasses import replace
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from image_erase.jobs.frames import Frame, FrameError
from image_erase.jobs.messages import Begun, Done, Failed, FromWorker, Pong, Ready, Refused

_HEADS: TypeAdapter[FromWorker] = TypeAdapter(
    Annotated[Ready | Refused | Pong | Begun | Done | Failed, Field(discriminator="kind")],
    config=ConfigDict(arbitrary_types_allowed=True),  # the data, which is no part of the head
)


def message_of(frame: Frame) -> FromWorker:
    """Return the message in a frame from a worker. Raises FrameError if it is invalid."""
    try:
        message = _HEADS.validate_json(frame.head, strict=True)
    except ValidationError:
        raise FrameError("the head is not a message") from None
    if len(frame.blobs) != len(message.blobs):
        raise FrameError(f"{message.kind} has {len(frame.blobs)} blobs")
    return replace(message, data=frame.blobs[0], part=frame.blobs[1]) if isinstance(message, Done) else message
