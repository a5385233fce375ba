"""Files in request bodies, and bodies that are a file themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.requests import Request

from image_erase.http.failures import Reason, Refused


@dataclass(frozen=True)
class FileField:
    """A file that an endpoint accepts. names: the field name used in messages, then its aliases."""

    names: Sequence[str]

    @property
    def name(self) -> str:
        """The field's name in messages."""
        return self.names[0]


@dataclass
class Part:
    """One part of the body. is_file: whether it has a file name. content_type: as the client sent it."""

    name: str
    is_file: bool
    content_type: str | None
    data: bytearray = field(default_factory=bytearray)

    @property
    def is_plain_text(self) -> bool:
        """Whether the part is text: it has neither a file name nor a binary content type."""
        kind = (self.content_type or "text/plain").split(";")[0].strip().lower()
        return not self.is_file and kind == "text/plain"

    def append(self, data: bytes, max_file_bytes: int) -> None:
        """Add bytes. Raises Refused FILE_TOO_LARGE if there would be more than max_file_bytes."""
        if len(self.data) + len(data) > max_file_bytes:
            raise self.too_large(max_file_bytes)
        self.data += data

    def too_large(self, max_file_bytes: int) -> Refused:
        """Return the refusal of a file with more than max_file_bytes."""
        detail = f"{self.name}: A file may have at most {max_file_bytes} bytes."
        return Refused(Reason.FILE_TOO_LARGE, detail, field=self.name)

    def refuse_empty(self) -> None:
        """Raise Refused FILE_EMPTY if there are no bytes."""
        if not self.data:
            raise Refused(Reason.FILE_EMPTY, f"{self.name}: The file has 0 bytes.", field=self.name)


class FileReader:
    """Collects a body that is a file itself, and refuses it as soon as it exceeds the limit."""

    def __init__(self, wanted: FileField, max_file_bytes: int) -> None:
        self._wanted, self._max_file_bytes = wanted, max_file_bytes

    async def read(self, request: Request) -> Part:
        """Read the request's body to its end.

        Raises Refused: FILE_TOO_LARGE, FILE_EMPTY. Raises starlette's ClientDisconnect if the client disconnects.
        """
        part = Part(self._wanted.name, True, request.headers.get("content-type"))
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_file_bytes:
            raise part.too_large(self._max_file_bytes)
        async for chunk in request.stream():
            part.append(chunk, self._max_file_bytes)
        part.refuse_empty()
        return part
