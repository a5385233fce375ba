"""The vendor's codes for failed jobs."""

from collections.abc import Mapping

from image_erase.contract.errors import ApiError, Code
from image_erase.jobs.messages import Failed, Failure

#: The vendor's code for each failure.
FAILURE_CODES: Mapping[Failure, Code] = {
    Failure.UNSUPPORTED_FORMAT: Code.UNSUPPORTED_FILE_TYPES,
    Failure.BROKEN_FILE: Code.FILE_DECODING_FAILURE,
    Failure.SIDE_TOO_LONG: Code.FILE_RESOLUTION_EXCEEDS_LIMITS,
    Failure.TOO_MANY_PIXELS: Code.FILE_RESOLUTION_EXCEEDS_LIMITS,
    Failure.SIDE_TOO_SHORT: Code.ERROR_LOW_RESOLUTION,
    Failure.SIZE_MISMATCH: Code.ERROR_MASK_IMAGE_RESOLUTION_MISMATCH,
    Failure.NOTHING_TO_FILL_FROM: Code.UNSUPPORTED_PARAMETER_VALUES,
    Failure.NOTHING_MARKED: Code.UNSUPPORTED_PARAMETER_VALUES,
    Failure.NO_MEMORY: Code.ERROR_INSUFFICIENT_RESOURCES,
    Failure.FAILED: Code.PROCESSING_FAILURE,
}


def failure_detail(failed: Failed, field: str) -> str:
    """Return the message for a failed job. field: name of the file that it is about, as the reader knows it."""
    return f"{field}: {failed.detail}" if failed.detail else "Processing failed."


def job_error(failed: Failed, field: str) -> ApiError:
    """Return the error for a failed job. field: the name under which the client sent the file that it is about."""
    return ApiError(FAILURE_CODES[failed.failure], failure_detail(failed, field))
