"""Account queries: credits, which are never used up, and asynchronous tasks, which do not exist."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from image_erase.access.keys import Keys
from image_erase.access.rates import Limiter
from image_erase.clock import Clock
from image_erase.contract import openapi
from image_erase.contract.endpoints import HEADER
from image_erase.contract.envelope import credit_account, success_response
from image_erase.contract.errors import ApiError, Code
from image_erase.http.edge import request_ids

CREDITS_PATH = "/api/common/query-credits"
TASK_PATH = "/api/common/query-async-task-result"


def router(keys: Keys, clock: Clock, amount: float, rate_limit: Limiter | None = None) -> APIRouter:
    """The routes of credits and tasks.

    amount: credits of every key, since the start of the server. rate_limit: these calls count like all others of the
    key.
    """
    routes = APIRouter()
    account = credit_account(amount, since=int(clock()))

    async def admit(request: Request) -> None:
        key = keys.check(request.headers.get(HEADER))
        if rate_limit:
            await rate_limit.admit(key)

    async def query_credits(request: Request) -> Response:
        await admit(request)
        return success_response(request_ids(request.scope), [account])

    async def query_task(request: Request) -> Response:
        await admit(request)
        if not request.query_params.get("task_id", "").strip():
            raise ApiError(Code.MISSING_PARAMETERS, "task_id: Cannot be empty.")
        raise ApiError(Code.ERROR_INVALID_PARAMETER, "task_id: This server has made no such task.")

    routes.add_api_route(CREDITS_PATH, query_credits, methods=["GET"], **openapi.credits_operation())
    routes.add_api_route(TASK_PATH, query_task, methods=["GET"], **openapi.task_operation())
    return routes
