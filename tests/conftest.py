"""What all tests share: one server for the whole run, others for one test."""

import os

# One thread each, as workers have it. The tests run in several processes, and threads of OpenBLAS that find no
# processor free spend the time of the others. Read when NumPy and OpenCV are loaded.
os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")

import gc
import signal
import uuid
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from support.buckets import Azurite, Place, Seaweed
from support.kinds import KINDS, kind_of
from support.redis import PROGRAMS, RedisServer, find_redis
from support.server import Client, CommandServer, Server, StartCommand, StartServer

TESTS = Path(__file__).resolve().parent
#: Variables that would change what servers do.
FOREIGN = "ERASE_", "AWS_", "AZURE_", "GOOGLE_"


@cache
def _within(path: Path) -> Path:
    return path.relative_to(TESTS)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage: the objects of thousands of tests all stay, here and later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the marker of its kind, unless it has one already; and put the longest files first.

    With several processes, a long file that began last would be waited for by all others.
    """
    longest: dict[Path, int] = {}
    for item in items:
        if not any(map(item.get_closest_marker, KINDS)):
            fixtures = getattr(item, "fixturenames", ())
            item.add_marker(kind_of(_within(item.path), fixtures))
        kind = max(KINDS.index(mark.name) for mark in item.iter_markers() if mark.name in KINDS)
        longest[item.path] = max(longest.get(item.path, 0), kind)
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(FOREIGN)]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _interrupts_arrive() -> None:
    """A shell starts what it runs in the background with these ignored, and so would be all commands of the tests."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, _no_settings_from_outside: None) -> Iterator[Server]:
    """A server started once for the whole run, with all defaults but for the quickest engine.

    Don't move its clock, don't harm its workers.
    """
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


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """An S3 server for the whole run. Don't kill it."""
    with Seaweed(tmp_path_factory.mktemp("seaweed")) as running:
        yield running


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """An Azure blob server for the whole run."""
    with Azurite(tmp_path_factory.mktemp("azurite") / "log") as running:
        yield running


@pytest.fixture
def s3(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A prefix of the test's own in a bucket, with the environment that a server needs for it."""
    return _entered(seaweed.place(f"test-{uuid.uuid4()}"), monkeypatch)


@pytest.fixture
def azure(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> Place:
    """As s3, in an Azure container."""
    return _entered(azurite.place(f"test-{uuid.uuid4()}"), monkeypatch)


def _entered(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    return place
