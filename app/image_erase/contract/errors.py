"""The vendor's error codes that this server uses."""

from collections.abc import Mapping
from enum import Enum

from image_erase.http.failures import HttpFailure


class Code(Enum):
    """HTTP status and fixed text of a vendor code, from the vendor's published error table."""

    ERROR_PARAMETERS = 400, "Invalid parameters."
    MISSING_PARAMETERS = 400, "Missing parameters."
    ERROR_INVALID_PARAMETER = 400, "Invalid parameter."
    PARAMETERS_CANNOT_EMPTY = 400, "Parameters cannot be empty."
    UNSUPPORTED_PARAMETER_VALUES = 400, "Invalid parameter values."
    ERROR_MASK_IMAGE_RESOLUTION_MISMATCH = 400, "Resolution of `mask` and `image` must be the same."
    ERROR_USER_NOT_EXISTS = 401, "The user does not exist."
    ERROR_APPLICATIONS_NOT_EXISTS = 401, "The application does not exist."
    ERROR_USER_LOCKED = 403, "The user is locked."
    ERROR_ILLEGAL_OPERATION = 403, "Illegal operation."
    ERROR_AI_NOT_EXISTS = 404, "AI does not exist or has been deactivated, please contact the platform."
    ERROR_FILE_NOT_FOUND = 404, "File not found."
    ERROR_TOO_MANY_FILES = 413, "Number of files exceeds the limit."
    FILE_SIZE_EXCEEDS_LIMIT = 413, "File size exceeds limit."
    FILE_RESOLUTION_EXCEEDS_LIMITS = 413, "File resolution exceeds limits."
    ERROR_REQUEST_BODY_TOO_LARGE = 413, "Request body size exceeds limit."
    UNSUPPORTED_FILE_TYPES = 415, "Unsupported file types."
    FILE_DECODING_FAILURE = 422, "File decoding failed."
    ERROR_LOW_RESOLUTION = 422, "File resolution too low."
    EXCEEDING_LIMITS = 429, "Exceeds limit."
    PROCESSING_FAILURE = 500, "Processing failed."
    UNKNOWN_ERROR = (
        500,
        "Unknown error. Please try again later. If not resolved promptly, contact the platform.",
    )
    FILE_SERVICE_ERROR = (
        502,
        "File service error. Please try again later. If not resolved promptly, contact the platform.",
    )
    ERROR_INSUFFICIENT_RESOURCES = 503, "Insufficient resources."
    AI_SERVICE_TIMEOUT = (
        504,
        "AI service timeout. Please try again later. If not resolved promptly, contact the platform.",
    )

    @property
    def status(self) -> int:
        """The HTTP status that the vendor documents for the code today."""
        return self.value[0]

    @property
    def text(self) -> str:
        """The vendor's fixed text for the code (`code_message`)."""
        return self.value[1]


class ApiError(HttpFailure):
    """A failure that is reported to the client with a vendor code.

    detail: what is wrong, for the client; without paths, stack traces and secrets.
    status: only if HTTP requires another status than that of the code (405, 416).
    headers: response headers that belong to the failure (`Retry-After`, `Allow`).
    field: of the request, that the failure is about.
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(f"{code.name}: {detail}")
        self.code, self.detail, self.field = code, detail, field
        self.status = status or code.status
        self.message = f"{code.text} - {detail}"
        self.headers = dict(headers or {})
