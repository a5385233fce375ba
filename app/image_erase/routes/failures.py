"""Turn errors of FastAPI and Starlette into ApiError, which the outermost layer answers in the vendor's form."""

from typing import NoReturn

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request

from image_erase.contract.errors import ApiError, Code


def raise_failures(app: FastAPI) -> None:
    """Turn every error of the framework into an ApiError."""

    async def on_http_exception(request: Request, error: Exception) -> NoReturn:
        assert isinstance(error, HTTPException)
        raise _api_error(error, request) from None

    async def on_invalid_request(_: Request, error: Exception) -> NoReturn:
        assert isinstance(error, RequestValidationError)
        raise _invalid(error) from None

    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_invalid_request)


def _api_error(error: HTTPException, request: Request) -> ApiError:
    if error.status_code == 404:
        return ApiError(Code.ERROR_AI_NOT_EXISTS, "There is nothing at this path.")
    if error.status_code == 405:
        allowed = _allowed(request) or (error.headers or {}).get("Allow", "")
        headers = {"Allow": allowed}
        return ApiError(Code.ERROR_ILLEGAL_OPERATION, f"The method must be {allowed}.", status=405, headers=headers)
    return ApiError(Code.ERROR_PARAMETERS, "The request cannot be understood.", status=error.status_code)


def _allowed(request: Request) -> str:
    """Return the methods of all routes with the path of the one that refused; empty if it is not known.

    FastAPI names only those of the first.
    """
    route = request.scope.get("route")
    same = (each for each in iter_route_contexts(request.app.routes) if route and each.path == route.path)
    return ", ".join(sorted({method for each in same for method in each.methods or ()}))


def _invalid(error: RequestValidationError) -> ApiError:
    """Return the error for the first parameter that does not fit its route."""
    first = error.errors()[0]
    name = str(first["loc"][-1])
    if first["type"] in ("missing", "string_too_short"):
        return ApiError(Code.MISSING_PARAMETERS, f"{name}: Cannot be empty.", field=name)
    return ApiError(Code.UNSUPPORTED_PARAMETER_VALUES, f"{name}: {first['msg']}.", field=name)
