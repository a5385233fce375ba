"""Turn errors of FastAPI and Starlette into ApiError, which the outermost layer answers in the vendor's form."""

from typing import NoReturn

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from image_erase.contract.errors import ApiError, Code


def raise_failures(app: FastAPI) -> None:
    """Turn every error of the framework into an ApiError."""

    async def on_http_exception(_: Request, error: Exception) -> NoReturn:
        assert isinstance(error, HTTPException)
        raise _api_error(error) from None

    async def on_invalid_request(_: Request, error: Exception) -> NoReturn:
        raise ApiError(Code.ERROR_PARAMETERS, "The request cannot be understood.") from None

    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_invalid_request)


def _api_error(error: HTTPException) -> ApiError:
    if error.status_code == 404:
        return ApiError(Code.ERROR_AI_NOT_EXISTS, "There is nothing at this path.")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return ApiError(
            Code.ERROR_ILLEGAL_OPERATION, f"The method must be {allowed}.", status=405, headers=error.headers
        )
    return ApiError(Code.ERROR_PARAMETERS, "The request cannot be understood.", status=error.status_code)
