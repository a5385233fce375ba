"""Read a request: an image, a mask and options."""

from dataclasses import dataclass

from starlette.requests import Request

from image_erase.contract.endpoints import Endpoint
from image_erase.contract.errors import ApiError, Code
from image_erase.contract.failures import job_error
from image_erase.http.files import Part
from image_erase.http.intake import Intake
from image_erase.http.multipart import UploadReader
from image_erase.jobs.messages import Failed, Failure
from image_erase.jobs.request import JobRequest


@dataclass(frozen=True)
class Order:
    """A request for a job: two files, and options."""

    image: Part
    mask: Part
    wanted: JobRequest

    def error(self, failed: Failed) -> ApiError:
        """Return the error for the failed job, in the field names that the client used."""
        part = {"image": self.image, "mask": self.mask}[failed.subject]
        if failed.failure is Failure.UNSUPPORTED_FORMAT and part.is_plain_text:
            return ApiError(Code.UNSUPPORTED_PARAMETER_VALUES, f"{part.name}: Must be a file, not text.")
        return job_error(failed, part.name)


class Reception:
    """Receives requests. max_file_bytes: limit for each file; None for the limit of each endpoint."""

    def __init__(self, intake: Intake, max_file_bytes: int | None) -> None:
        self._intake, self._max_file_bytes = intake, max_file_bytes

    async def receive(self, request: Request, endpoint: Endpoint, key: str) -> Order:
        """Read the body. key: of the request. Raises ApiError, and ClientDisconnect if the client disconnects."""
        limit = self._max_file_bytes or endpoint.max_file_bytes
        reader = UploadReader(endpoint.files, limit, endpoint.texts)
        files, texts = await self._intake.receive(request, key, reader.read)
        return Order(files[endpoint.image.name], files[endpoint.mask.name], endpoint.job_request(texts))
