"""What all tests share: one server for the whole run, others for one test."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.redis import PROGRAMS, RedisServer, find_redis
from support.server import Client, CommandServer, Server

StartServer = Callable[..., Server]
StartCommand = Callable[..., CommandServer]


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("ERASE_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, _no_settings_from_outside: None) -> Iterator[Server]:
    """The server with all defaults, started once for the whole run. Don't move its clock, don't harm its workers."""
    with Server(tmp_path_factory.mktemp("storage")) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Client:
    return server.client


@pytest.fixture
def start_server(server: Server, tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers with settings of the test's; on the test's storage unless another is given."""
    with ExitStack() as stack:

        def start(storage: Path | None = None, **settings: Any) -> Server:
            return stack.enter_context(Server(storage or tmp_path / "storage", **settings))

        yield start


@pytest.fixture
def start_command(tmp_path: Path) -> Iterator[StartCommand]:
    """Starts the command in a process; on the test's storage."""
    logs = tmp_path / "logs"
    logs.mkdir()
    with ExitStack() as stack:

        def start(**environment: Any) -> CommandServer:
            return stack.enter_context(CommandServer(tmp_path / "storage", logs, **environment))

        yield start


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis or Valkey, running."""
    program = find_redis()
    if not program:
        pytest.skip(f"needs {' or '.join(PROGRAMS)} on the path")
    with RedisServer(program, tmp_path) as running:
        yield running
