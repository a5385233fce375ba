"""A server to test against: in a thread with a clock of the test's, or as the real command in a process."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any, Self

import httpx
import obstore

from image_erase.access.shared_rates import RedisTimeouts
from image_erase.cli import make_server
from image_erase.http.limits import Limits
from image_erase.http.protocol import HttpConnection
from image_erase.results.bucket_client import BucketTimeouts
from image_erase.results.location import folder_of, open_store
from image_erase.settings import load_settings
from image_erase.timeouts import Timeouts
from support.forked import ForkedCommand
from support.pictures import mask_file, photo_file
from support.ports import free_port
from support.processes import is_stopped, until, workers_of

COMMAND = Path(sys.executable).with_name("image-erase")
KEY = "key-of-the-tests"
PATH = "/api/image/editing/image-erase"
SECONDS = 60.0
Files = dict[str, Any]


class TestClock:
    """A clock that stands still until the test moves it."""

    __test__ = False

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


def files(image: bytes | None = None, mask: bytes | None = None, mask_name: str = "user_mask") -> Files:
    """The two files as httpx takes them; a picture with a box to erase where none are given."""
    return {
        "image": ("image.png", photo_file() if image is None else image),
        mask_name: ("mask.png", mask_file() if mask is None else mask),
    }


class Client:
    """Calls one server. Every request uses a new connection."""

    def __init__(self, address: tuple[str, int], scheme: str = "http") -> None:
        self.address = address
        self.base = f"{scheme}://{address[0]}:{address[1]}"
        self._pool = ThreadPoolExecutor(16)
        # Making one takes longer than all else that httpx does for a request.
        self._trusting = httpx.create_ssl_context(verify=False)

    def request(self, method: str, target: str, *, key: str | None = KEY, **options: Any) -> httpx.Response:
        """target: a path, or a whole URL."""
        headers = {**({"ailabapi-api-key": key} if key is not None else {}), **options.pop("headers", {})}
        with httpx.Client(base_url=self.base, timeout=SECONDS, trust_env=False, verify=self._trusting) as client:
            return client.request(method, target, headers=headers, **options)

    def erase(self, image: bytes | None = None, mask: bytes | None = None, **options: Any) -> httpx.Response:
        """One call of the endpoint."""
        return self.request("POST", PATH, files=files(image, mask, options.pop("mask_name", "user_mask")), **options)

    def start_erase(
        self, image: bytes | None = None, mask: bytes | None = None, key: str = KEY
    ) -> Future[httpx.Response]:
        """One call of the endpoint, in the background."""
        return self._pool.submit(self.erase, image, mask, key=key)

    def get(self, target: str, **options: Any) -> httpx.Response:
        """A result, as a client fetches it: without the key."""
        return self.request("GET", target, key=None, **options)

    def is_full(self) -> bool:
        """Whether the server accepts no more jobs. The request is invalid, so nothing is queued by it."""
        return self.request("POST", PATH, content=b"").status_code == 429

    def waiting(self) -> int:
        """How many jobs wait for a worker."""
        return int(self.get("/readyz").json()["waiting"])

    def close(self) -> None:
        self._pool.shutdown()


class Server:
    """The application under uvicorn in a thread of this process, set up as the command does it."""

    def __init__(
        self,
        storage: Path,
        clock: TestClock | None = None,
        stop_seconds: int | None = None,
        address: tuple[str, int] = ("127.0.0.1", 0),
        limits: Limits | None = None,
        redis: RedisTimeouts | None = None,
        bucket: BucketTimeouts | None = None,
        **settings: Any,
    ) -> None:
        """settings: any of image_erase.settings.Settings. Unless they say otherwise, there is one worker, which starts
        with the quickest engine, and the sweeper rests.

        stop_seconds: how long requests may go on once the server is to stop; None leaves it at the server's own.
        limits: of its connections. redis, bucket: time limits.
        """
        self.storage, self.clock = storage, clock or TestClock()
        defaults = {
            "host": "127.0.0.1",
            "port": 0,
            "workers": 1,
            "engine": "opencv",
            "api_keys": (KEY,),
            "storage_url": storage.as_uri(),
            "sweep_interval_seconds": 3600.0,
        }
        self._others = workers_of(os.getpid())
        wanted = load_settings(**(defaults | settings))
        self._bucket = None if folder_of(wanted.storage_url) else open_store(wanted.storage_url)
        timeouts = Timeouts(limits or Limits(), redis or RedisTimeouts(), bucket or BucketTimeouts())
        self._server = make_server(wanted, self.clock, timeouts)
        if stop_seconds is not None:
            self._server.config.timeout_graceful_shutdown = stop_seconds
        self._listener = socket.create_server(address, backlog=2048)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="server")
        self.client = Client(self._listener.getsockname(), "https" if wanted.tls_key else "http")
        self.base = self.client.base

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self._server.started or not self._thread.is_alive(), "the server starts", 60)
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.workers():
            os.kill(pid, signal.SIGCONT)
        self.ask_to_stop()
        self._thread.join(60)
        self.client.close()
        assert not self._thread.is_alive(), "the server does not stop"
        assert not self.workers(), "workers outlive their server"

    @property
    def results(self) -> Sequence[PurePath]:
        """All files below the folder of results, or all keys in the bucket."""
        if self._bucket:
            # No probe: a server may be just about to delete it.
            keys = (entry["path"] for page in obstore.list(self._bucket._store) for entry in page)
            return [PurePath(key) for key in keys if "/" in key]
        # os.walk passes over a folder that a sweep deletes meanwhile.
        return [Path(folder, name) for folder, _, names in os.walk(self._results) for name in names]

    @property
    def _results(self) -> Path:
        return self.storage / "results"

    @property
    def connections(self) -> list[HttpConnection]:
        """The connections that are open."""
        state: Any = self._server.server_state
        return list(state.connections)

    def metric(self, name: str) -> float:
        """A number without labels that /metrics shows; needs metrics=True."""
        (value,) = re.findall(rf"^image_erase_{name} (\S+)$", self.client.get("/metrics").text, re.M)
        return float(value)

    def workers(self) -> set[int]:
        """The ids of this server's worker processes."""
        return workers_of(os.getpid()) - self._others

    def ask_to_stop(self) -> None:
        """Ask it to stop, as SIGTERM does."""
        self._server.should_exit = True

    def break_store(self) -> None:
        """Put a file where the folder of results is."""
        # The check of the start, which ends before this answer comes, would make the folder again.
        assert self.client.get("/readyz").status_code == 200
        self._results.rename(self.storage / "away")
        self._results.write_bytes(b"")

    def mend_store(self) -> None:
        """Put the folder of results back, with all that was in it."""
        self._results.unlink()
        (self.storage / "away").rename(self._results)

    def stop_workers(self) -> set[int]:
        """Make the workers busy for as long as a test needs: a job sent to one rests in it. Returns their ids."""
        return stop_workers(self.workers())

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        except BaseException as failure:
            self._failure = failure
        finally:
            self._listener.close()


class CommandServer:
    """`image-erase serve` in a process of its own."""

    def __init__(
        self,
        storage: Path,
        logs: Path,
        port: int | None = None,
        program: Sequence[str | Path] = (),
        options: Sequence[str | Path] = (),
        **environment: str,
    ) -> None:
        """program: what `serve` is an argument of, such as (COMMAND,); without one, the process is forked. options:
        of the command, before `serve`. environment: settings by variable without the prefix.

        There is one worker with the quickest engine unless they say otherwise.
        """
        self.port = port or free_port()
        self.client = Client(("127.0.0.1", self.port), "https" if "TLS_KEY" in environment else "http")
        self.base = self.client.base
        #: Where its standard error goes; its standard output stands beside it with the suffix `.out`.
        self.log = logs / f"server-{self.port}-{len(list(logs.iterdir()))}.log"
        settings = {
            "WORKERS": "1",
            "ENGINE": "opencv",
            "API_KEYS": KEY,
            "STORAGE_URL": storage.as_uri(),
            "LOG_FORMAT": "json",
        }
        with self.log.open("wb") as errors, self.log.with_suffix(".out").open("wb") as output:
            command = [*program, *options, "serve", "--port", str(self.port)]
            whole = _bare_environment() | {f"ERASE_{name}": value for name, value in (settings | environment).items()}
            self.process = (
                subprocess.Popen(command, env=whole, cwd=logs, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
                if program
                else ForkedCommand(command, whole, logs, output, errors)
            )

    def __enter__(self) -> Self:
        try:
            until(lambda: self.process.poll() is not None or self._ready(), "the command serves", 60)
            assert self.process.poll() is None, self.log.read_text()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.workers():
            os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait(60)
        self.client.close()

    def workers(self) -> set[int]:
        """The ids of its worker processes."""
        return workers_of(self.process.pid)

    def stop_workers(self) -> set[int]:
        """As Server.stop_workers."""
        return stop_workers(self.workers())

    def _ready(self) -> bool:
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False


#: Types of the fixtures start_server(storage, **settings) and start_command(**environment).
StartServer = Callable[..., Server]
StartCommand = Callable[..., CommandServer]


def stop_workers(pids: set[int]) -> set[int]:
    """Send SIGSTOP to all and wait until they are stopped."""
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    until(lambda: all(is_stopped(pid) for pid in pids), "the workers stand")
    return pids


def continue_workers(pids: set[int]) -> None:
    """Send SIGCONT to those that still run: the server may have killed one whose job was cancelled."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ERASE_")}
