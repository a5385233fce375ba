"""Failures in the vendor's form: errors of the HTTP layers, and the answer to any failure."""

import json

from image_erase.contract.envelope import failure
from image_erase.contract.errors import ApiError, Code
from image_erase.http.failures import FailureAnswer, HttpFailure, Reason, Refused
from image_erase.http.identity import RequestIds

#: The vendor's code for each reason of the HTTP layers, and the HTTP status if it is not that of the code.
REASONS: dict[Reason, tuple[Code, int | None]] = {
    Reason.MALFORMED: (Code.ERROR_PARAMETERS, None),
    Reason.HEAD_OVERDUE: (Code.ERROR_PARAMETERS, 408),
    Reason.BODY_OVERDUE: (Code.ERROR_PARAMETERS, 408),
    Reason.TOO_MANY_CONNECTIONS: (Code.EXCEEDING_LIMITS, None),
    Reason.RECEIVE_MEMORY_FULL: (Code.EXCEEDING_LIMITS, None),
    Reason.NOT_MULTIPART: (Code.ERROR_PARAMETERS, None),
    Reason.BODY_TOO_LARGE: (Code.ERROR_REQUEST_BODY_TOO_LARGE, None),
    Reason.FILE_TOO_LARGE: (Code.FILE_SIZE_EXCEEDS_LIMIT, None),
    Reason.TOO_MANY_FILES: (Code.ERROR_TOO_MANY_FILES, None),
    Reason.FIELD_REPEATED: (Code.UNSUPPORTED_PARAMETER_VALUES, None),
    Reason.FILE_MISSING: (Code.MISSING_PARAMETERS, None),
    Reason.FILE_EMPTY: (Code.PARAMETERS_CANNOT_EMPTY, None),
    Reason.BAD_HOST: (Code.ERROR_PARAMETERS, None),
    Reason.NOT_FOUND: (Code.ERROR_AI_NOT_EXISTS, None),
    Reason.STOPPING: (Code.ERROR_INSUFFICIENT_RESOURCES, None),
    Reason.UNEXPECTED: (Code.UNKNOWN_ERROR, None),
}
#: Challenge that HTTP requires with 401 (RFC 9110, section 11.6.1).
CHALLENGE = 'ApiKey realm="image-erase"'


def render(ids: RequestIds, error: HttpFailure) -> FailureAnswer:
    """Return the failure envelope with the HTTP status and headers of the error."""
    known = api_error(error)
    headers = {"Cache-Control": "no-store", **known.headers}
    if known.status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    return FailureAnswer(known.status, known.code.name, json.dumps(failure(ids, known).model_dump()).encode(), headers)


def api_error(error: HttpFailure) -> ApiError:
    """Return any failure as an ApiError."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, Refused):
        code, status = REASONS[error.reason]
        return ApiError(code, error.detail, status=status, headers=error.headers)
    return ApiError(Code.UNKNOWN_ERROR, "The server could not answer this request.")
