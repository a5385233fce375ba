"""The failures of the plain API, as problem details (RFC 9457)."""

from collections.abc import Mapping
from enum import Enum

from pydantic import BaseModel, Field

from image_erase.contract.errors import ApiError, Code
from image_erase.http.failures import FailureAnswer, HttpFailure, Reason, Refused
from image_erase.http.identity import RequestIds
from image_erase.jobs.messages import Failure

MEDIA_TYPE = "application/problem+json"
#: The challenge that HTTP requires with 401 (RFC 9110, section 11.6.1).
CHALLENGE = 'Bearer realm="image-erase"'
_TYPES = "tag:image-erase,2026:"


class Kind(Enum):
    """A kind of problem: its HTTP status and title. Its name, in lower case with hyphens, ends its type."""

    MALFORMED_REQUEST = 400, "The request cannot be understood"
    FIELD_MISSING = 400, "A field is missing"
    FILE_EMPTY = 400, "A file has no bytes"
    INVALID_OPTION = 400, "An option has an invalid value"
    SIZE_MISMATCH = 400, "Mask and image differ in size"
    NOTHING_TO_FILL_FROM = 400, "The mask covers the whole image"
    NOTHING_MARKED = 400, "The mask marks nothing"
    KEY_MISSING = 401, "No API key was sent"
    KEY_UNKNOWN = 401, "The API key is unknown"
    KEY_DISABLED = 403, "The API key is switched off"
    LINK_INVALID = 403, "The link is not a link of this server"
    LINK_EXPIRED = 403, "The link has expired"
    NOT_FOUND = 404, "There is nothing at this path"
    RESULT_DELETED = 404, "The result has been deleted"
    METHOD_NOT_ALLOWED = 405, "The path does not have this method"
    REQUEST_TIMEOUT = 408, "The request did not arrive in time"
    FILE_TOO_LARGE = 413, "A file is too large"
    BODY_TOO_LARGE = 413, "The request is too large"
    IMAGE_TOO_LARGE = 413, "An image has too many pixels"
    TOO_MANY_FILES = 413, "There are too many files"
    NOT_MULTIPART = 415, "The request is not a multipart form"
    UNSUPPORTED_FORMAT = 415, "A file's format is not supported"
    FILE_DAMAGED = 422, "A file is damaged"
    IMAGE_TOO_SMALL = 422, "An image is too small"
    TOO_MANY_REQUESTS = 429, "There are too many requests"
    PROCESSING_FAILED = 500, "Processing failed"
    UNEXPECTED = 500, "The server could not answer"
    STORAGE_FAILED = 502, "The storage does not answer"
    INSUFFICIENT_RESOURCES = 503, "The server lacks memory or space"
    STOPPING = 503, "The server is stopping"
    DEADLINE_EXCEEDED = 504, "Processing took too long"

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[0]

    @property
    def title(self) -> str:
        """What is wrong, the same for every problem of this kind."""
        return self.value[1]

    @property
    def slug(self) -> str:
        """The end of the type, which is also the `code` of the log line."""
        return self.name.lower().replace("_", "-")

    @property
    def uri(self) -> str:
        """The type: a URI that never changes."""
        return _TYPES + self.slug


class ProblemDetails(BaseModel):
    """A failure, as RFC 9457 describes it."""

    type: str = Field(description="Says which kind of problem it is; stable", examples=[Kind.FIELD_MISSING.uri])
    title: str = Field(description="The kind of problem, in words", examples=[Kind.FIELD_MISSING.title])
    status: int = Field(description="The HTTP status", examples=[400])
    detail: str = Field(description="What is wrong with this request", examples=["mask: Cannot be empty."])
    field: str | None = Field(None, description="The field or parameter it is about, if any", examples=["mask"])
    request_id: str = Field(description="As in the header X-Request-Id and in the server's log")


class Problem(HttpFailure):
    """A problem of a kind. detail: for the client to read. field: of the form, that it is about."""

    def __init__(self, kind: Kind, detail: str, field: str | None = None) -> None:
        super().__init__(f"{kind.name}: {detail}")
        self.kind, self.detail, self.field = kind, detail, field
        self.headers: Mapping[str, str] = {}


#: The kind of each reason of the HTTP layers.
REASONS: Mapping[Reason, Kind] = {
    Reason.MALFORMED: Kind.MALFORMED_REQUEST,
    Reason.HEAD_OVERDUE: Kind.REQUEST_TIMEOUT,
    Reason.BODY_OVERDUE: Kind.REQUEST_TIMEOUT,
    Reason.TOO_MANY_CONNECTIONS: Kind.TOO_MANY_REQUESTS,
    Reason.RECEIVE_MEMORY_FULL: Kind.TOO_MANY_REQUESTS,
    Reason.NOT_MULTIPART: Kind.NOT_MULTIPART,
    Reason.BODY_TOO_LARGE: Kind.BODY_TOO_LARGE,
    Reason.FILE_TOO_LARGE: Kind.FILE_TOO_LARGE,
    Reason.TOO_MANY_FILES: Kind.TOO_MANY_FILES,
    Reason.FIELD_REPEATED: Kind.INVALID_OPTION,
    Reason.FILE_MISSING: Kind.FIELD_MISSING,
    Reason.FILE_EMPTY: Kind.FILE_EMPTY,
    Reason.BAD_HOST: Kind.MALFORMED_REQUEST,
    Reason.NOT_FOUND: Kind.NOT_FOUND,
    Reason.STOPPING: Kind.STOPPING,
    Reason.UNEXPECTED: Kind.UNEXPECTED,
}
#: The kind of each failure of a job.
FAILURES: Mapping[Failure, Kind] = {
    Failure.UNSUPPORTED_FORMAT: Kind.UNSUPPORTED_FORMAT,
    Failure.BROKEN_FILE: Kind.FILE_DAMAGED,
    Failure.SIDE_TOO_LONG: Kind.IMAGE_TOO_LARGE,
    Failure.SIDE_TOO_SHORT: Kind.IMAGE_TOO_SMALL,
    Failure.TOO_MANY_PIXELS: Kind.IMAGE_TOO_LARGE,
    Failure.SIZE_MISMATCH: Kind.SIZE_MISMATCH,
    Failure.NOTHING_TO_FILL_FROM: Kind.NOTHING_TO_FILL_FROM,
    Failure.NOTHING_MARKED: Kind.NOTHING_MARKED,
    Failure.NO_MEMORY: Kind.INSUFFICIENT_RESOURCES,
    Failure.FAILED: Kind.PROCESSING_FAILED,
}
#: The kind of each vendor code that parts of both APIs use.
_CODES: Mapping[Code, Kind] = {
    Code.ERROR_USER_NOT_EXISTS: Kind.KEY_MISSING,
    Code.ERROR_APPLICATIONS_NOT_EXISTS: Kind.KEY_UNKNOWN,
    Code.ERROR_USER_LOCKED: Kind.KEY_DISABLED,
    Code.ERROR_AI_NOT_EXISTS: Kind.NOT_FOUND,
    Code.ERROR_FILE_NOT_FOUND: Kind.RESULT_DELETED,
    Code.EXCEEDING_LIMITS: Kind.TOO_MANY_REQUESTS,
    Code.PROCESSING_FAILURE: Kind.PROCESSING_FAILED,
    Code.FILE_SERVICE_ERROR: Kind.STORAGE_FAILED,
    Code.ERROR_INSUFFICIENT_RESOURCES: Kind.INSUFFICIENT_RESOURCES,
    Code.AI_SERVICE_TIMEOUT: Kind.DEADLINE_EXCEEDED,
    Code.UNSUPPORTED_PARAMETER_VALUES: Kind.INVALID_OPTION,
    Code.ERROR_PARAMETERS: Kind.MALFORMED_REQUEST,
    Code.MISSING_PARAMETERS: Kind.FIELD_MISSING,
}
_KEY_DETAILS = {
    Kind.KEY_MISSING: "Send the key as `Authorization: Bearer KEY` or `X-Api-Key: KEY`.",
    Kind.KEY_UNKNOWN: "This server does not know the key.",
    Kind.KEY_DISABLED: "The key has been switched off.",
}


def render(ids: RequestIds, error: HttpFailure) -> FailureAnswer:
    """Return any failure as problem details."""
    problem = problem_of(error)
    kind = problem.kind
    details = ProblemDetails(
        type=kind.uri,
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        field=problem.field,
        request_id=ids.request_id,
    )
    headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store", **problem.headers}
    if kind.status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    return FailureAnswer(kind.status, kind.slug, details.model_dump_json(exclude_none=True).encode(), headers)


def problem_of(error: HttpFailure) -> Problem:
    """Return any failure as a Problem."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Refused):
        problem = Problem(REASONS[error.reason], error.detail, error.field)
    elif isinstance(error, ApiError):
        kind = Kind.METHOD_NOT_ALLOWED if error.status == 405 else _CODES.get(error.code, Kind.UNEXPECTED)
        problem = Problem(kind, _KEY_DETAILS.get(kind, error.detail), error.field)
    else:
        return Problem(Kind.UNEXPECTED, "The server could not answer this request.")
    problem.headers = error.headers
    return problem
