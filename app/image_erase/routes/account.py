"""Account queries: credits, which are never used up, and asynchronous tasks, which do not exist."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import StringConstraints
from starlette.requests import Request

from image_erase.access.credentials import vendor_key
from image_erase.access.keys import Keys
from image_erase.access.rates import Limiter
from image_erase.clock import Clock
from image_erase.contract.envelope import CreditsAnswer, Failure, credit_account, success
from image_erase.contract.errors import ApiError, Code
from image_erase.contract.openapi import FAILURES
from image_erase.http.edge import request_ids

CREDITS_PATH = "/api/common/query-credits"
TASK_PATH = "/api/common/query-async-task-result"

_TaskId = Annotated[str, Query(description="The task"), StringConstraints(strip_whitespace=True, min_length=1)]


def router(keys: Keys, clock: Clock, amount: float, rate_limit: Limiter) -> APIRouter:
    """The routes of credits and tasks.

    amount: credits of every key, since the start of the server. rate_limit: these calls count like all others of the
    key.
    """

    async def admit(presented: str | None) -> str:
        key = keys.check(presented)
        await rate_limit.admit(key)
        return key

    routes = APIRouter(dependencies=[Depends(vendor_key(admit))], responses=FAILURES)
    account = credit_account(amount, since=int(clock()))

    @routes.get(
        CREDITS_PATH,
        summary="Query the credits; they are set by the operator and never used up",
        response_description="The credits",
    )
    async def query_credits(request: Request) -> CreditsAnswer:
        return success(CreditsAnswer, request_ids(request.scope), [account])

    @routes.get(
        TASK_PATH,
        summary="Query an asynchronous task; this server creates none",
        status_code=400,
        response_model=Failure,
        response_description="No such task",
    )
    async def query_task(task_id: _TaskId) -> None:
        raise ApiError(Code.ERROR_INVALID_PARAMETER, "task_id: This server has made no such task.")

    return routes
