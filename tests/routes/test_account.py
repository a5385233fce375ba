"""Credits and tasks, as clients ask for them."""

import json

import pytest

from support.envelope import assert_data, assert_failure
from support.server import KEY, Client, Server, StartServer

CREDITS = "/api/common/query-credits"
TASK = "/api/common/query-async-task-result"


def test_credits_are_typed_as_the_contract_says(client: Client, server: Server) -> None:
    (account,) = assert_data(client.request("GET", CREDITS))
    assert list(account) == [
        "unique_sign",
        "name",
        "balance",
        "total",
        "last_recharge_balance",
        "balance_warning",
        "first_buy_time",
        "last_update_time",
    ]
    assert account["unique_sign"] == "common"
    assert account["name"] == "Universal credits (all APIs supported)"
    assert account["balance"] == account["total"] == account["last_recharge_balance"] == 1000000
    assert account["balance_warning"] == 0
    for name in ("balance", "total", "last_recharge_balance", "balance_warning"):
        assert type(account[name]) is float
    for name in ("first_buy_time", "last_update_time"):
        assert type(account[name]) is int
        assert account[name] == server.clock.now
        assert account[name] < 2**31


def test_credits_are_never_used_up(client: Client) -> None:
    before = client.request("GET", CREDITS).json()["data"]
    assert client.erase().status_code == 200
    assert client.request("GET", CREDITS).json()["data"] == before


@pytest.mark.parametrize("amount", [0, 0.5, 12345678901.25])
def test_credits_are_what_the_operator_says(start_server: StartServer, amount: float) -> None:
    (account,) = assert_data(start_server(credits=amount).client.request("GET", CREDITS))
    assert account["balance"] == account["total"] == amount


def test_a_task_that_was_never_made(client: Client) -> None:
    assert_failure(client.request("GET", TASK, params={"task_id": "abc"}), "ERROR_INVALID_PARAMETER", "task_id")


@pytest.mark.parametrize("query", ["", "?task_id=", "?task_id=%20", "?taskId=abc"])
def test_no_task_named(client: Client, query: str) -> None:
    assert_failure(client.request("GET", TASK + query), "MISSING_PARAMETERS", "task_id: Cannot be empty.")


def test_what_a_task_is_called_is_not_said_back(client: Client) -> None:
    answer = client.request("GET", TASK, params={"task_id": "<script>"})
    assert "script" not in json.dumps(answer.json())


@pytest.mark.parametrize("target", [CREDITS, f"{TASK}?task_id=abc", TASK])
def test_a_key_is_needed(client: Client, target: str) -> None:
    assert_failure(client.request("GET", target, key=None), "ERROR_USER_NOT_EXISTS")
    assert_failure(client.request("GET", target, key="unknown"), "ERROR_APPLICATIONS_NOT_EXISTS")


@pytest.mark.parametrize("target", [CREDITS, TASK])
def test_only_get(client: Client, target: str) -> None:
    answer = client.request("POST", target, headers={"ailabapi-api-key": KEY})
    assert_failure(answer, "ERROR_ILLEGAL_OPERATION", status=405)
    assert "GET" in answer.headers["allow"]


def test_calls_count_against_the_rate_limit(start_server: StartServer) -> None:
    own: Server = start_server(rate_limit="3/hour")
    assert_data(own.client.request("GET", CREDITS))
    assert_failure(own.client.request("GET", f"{TASK}?task_id=a"), "ERROR_INVALID_PARAMETER")
    assert own.client.erase().status_code == 200
    for target in (CREDITS, TASK):
        refused = own.client.request("GET", target)
        assert_failure(refused, "EXCEEDING_LIMITS")
        assert int(refused.headers["retry-after"]) > 0
