"""Read a request of the plain API: an image or a link to one, a mask, and options; or an image alone."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from starlette.requests import Request

from image_erase.contract.failures import failure_detail
from image_erase.http.files import FileField, FileReader, Part
from image_erase.http.intake import Intake
from image_erase.http.multipart import UploadReader
from image_erase.jobs.messages import Failed, Failure
from image_erase.jobs.request import JobRequest
from image_erase.plain.options import Choices, image_check
from image_erase.plain.problems import FAILURES, Kind, Problem

IMAGE = FileField(("image",))
MASK = FileField(("mask", "mask_image", "user_mask"))
Chosen = TypeVar("Chosen", bound=Choices)
# No link of this server is longer.
_MOST_LINK_BYTES = 2048
_LINK_STARTS = (b"/", b"http://", b"https://")


@dataclass(frozen=True)
class PlainOrder:
    """A request for a job: two files, and options."""

    image: Part
    mask: Part
    wanted: JobRequest

    def error(self, failed: Failed) -> Problem:
        """Return the problem for the failed job, in the field names that the client used."""
        part = {"image": self.image, "mask": self.mask}[failed.subject]
        return _problem(failed, part, "Must be a file, or for the image a link of this server.")


class ImageOrder:
    """A request to check an image. max_pixels: of it."""

    def __init__(self, image: Part, max_pixels: int) -> None:
        self.image, self.mask, self.wanted = image, Part("mask", True, None), image_check(max_pixels)

    def error(self, failed: Failed) -> Problem:
        """Return the problem for the failed job."""
        return _problem(failed, self.image, "Must be a file.")


@dataclass(frozen=True)
class PlainUpload(Generic[Chosen]):
    """What has arrived. link: in place of the image; None if the image itself was sent."""

    image: Part
    mask: Part
    options: Chosen

    @property
    def link(self) -> str | None:
        """The link that was sent in place of the image; None if that was sent itself."""
        data = self.image.data
        is_link = self.image.is_plain_text and len(data) <= _MOST_LINK_BYTES and data.startswith(_LINK_STARTS)
        return data.decode("utf-8", "replace").strip() if is_link else None


class PlainReception:
    """Receives requests. max_file_bytes: limit for each file."""

    def __init__(self, intake: Intake, max_file_bytes: int) -> None:
        self.intake, self._max_file_bytes = intake, max_file_bytes

    async def receive(self, request: Request, query: Chosen, key: str) -> PlainUpload[Chosen]:
        """Read the body. query: the options in the query. key: of the request.

        Raises HttpFailure, and ClientDisconnect if the client disconnects.
        """
        _refuse_repeated(request, query)
        reader = UploadReader((IMAGE, MASK), self._max_file_bytes, tuple(type(query).model_fields))
        files, texts = await self.intake.receive(request, key, reader.read)
        return PlainUpload(files[IMAGE.name], files[MASK.name], query.merged(texts))

    async def receive_image(self, request: Request, key: str) -> Part:
        """Read a body with an image alone: a form or, if its content type says so, the file itself.

        Raises HttpFailure, and ClientDisconnect if the client disconnects.
        """
        if request.headers.get("content-type", "").lower().startswith("image/"):
            return await self.intake.receive(request, key, FileReader(IMAGE, self._max_file_bytes).read)
        reader = UploadReader((IMAGE,), self._max_file_bytes)
        return (await self.intake.receive(request, key, reader.read)).files[IMAGE.name]


def _problem(failed: Failed, part: Part, not_text: str) -> Problem:
    """Return the problem of a failed job. not_text: what to say if the file is text."""
    kind = FAILURES[failed.failure]
    if kind is Kind.PROCESSING_FAILED:
        return Problem(kind, "Processing failed.")
    if failed.failure is Failure.UNSUPPORTED_FORMAT and part.is_plain_text:
        return Problem(kind, f"{part.name}: {not_text}", part.name)
    return Problem(kind, failure_detail(failed, part.name), part.name)


def _refuse_repeated(request: Request, query: Choices) -> None:
    """Raise Problem if the query has an option twice, of which only the last would count."""
    for name in type(query).model_fields:
        if len(request.query_params.getlist(name)) > 1:
            raise Problem(Kind.INVALID_OPTION, f"{name}: Must be given once.", name)
