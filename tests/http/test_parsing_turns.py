"""Connections share the time for parsing fairly, and the failure of one does not affect others."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.server import ServerState

from image_erase.http.connection import Shared
from image_erase.http.limits import Limits
from image_erase.http.protocol import HttpConnection


class Reset(asyncio.Transport):
    """A transport whose peer has reset it, as uvloop's: whatever is done with it is an error."""

    def __init__(self, closing: bool) -> None:
        super().__init__()
        self.closing, self.aborted = closing, False

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: object) -> None:
        raise RuntimeError("the handler is closed")

    def abort(self) -> None:
        self.aborted = True


class Open(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def is_closing(self) -> bool:
        return False

    def write(self, data: Any) -> None:
        self.written += data

    def write_eof(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0


class Refuser:
    """Answers whatever can't be parsed."""

    def answer(self, *_: object) -> SimpleNamespace:
        return SimpleNamespace(status=400, code="", phrase="Bad Request", body=b"refused", headers={})


def connection_on(transport: asyncio.Transport, shared: Shared) -> HttpConnection:
    state: Any = {"refuser": Refuser(), "observer": SimpleNamespace(request_ended=lambda *_: None)}
    config: Any = SimpleNamespace(root_path="")
    connection = HttpConnection(config, ServerState(), state, shared=shared)
    connection.connection_made(transport)
    return connection


@pytest.mark.anyio
@pytest.mark.parametrize("closing", [True, False])
async def test_a_connection_that_fails_takes_no_other_along(closing: bool) -> None:
    shared, reset, good = Shared(Limits()), Reset(closing), Open()
    broken, other = connection_on(reset, shared), connection_on(good, shared)
    shared.turns(asyncio.get_running_loop())._spent = 1.0  # this turn's time is used up: both wait for the next
    for one in (broken, other):
        one.data_received(b"no request at all\r\n\r\n")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert b"refused" in good.written
    assert reset.aborted or closing
    for one in (broken, other):
        one.connection_lost(None)
