"""SIGHUP: keys and limits are read again, all or none, and requests in progress go on."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from image_erase.environment import Environment, EnvironmentFileError
from image_erase.reloading import RELOADED, Reloader
from image_erase.secrets import signing_keys
from image_erase.settings import Settings, SettingsError, load_settings
from support.envelope import assert_failure, assert_success
from support.ports import free_port
from support.processes import is_alive, until
from support.server import COMMAND, KEY, CommandServer, continue_workers

SIGNING = "0" * 40, "1" * 40


class Files:
    """The files from which a server reads its settings."""

    def __init__(self, folder: Path) -> None:
        self.settings, self.signing = folder / "settings.env", folder / "signing"
        self.write()
        self.signing.write_text(SIGNING[0])

    def write(self, *lines: str) -> None:
        self.settings.write_text("\n".join((f"ERASE_SIGNING_KEYS_FILE={self.signing}", *lines)))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("settings"))


@pytest.fixture(scope="module")
def server(sources: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandServer]:
    storage, logs = tmp_path_factory.mktemp("storage"), tmp_path_factory.mktemp("logs")
    with CommandServer(storage, logs, options=("--env-file", sources.settings), QUEUE="1") as own:
        yield own


def reload(own: CommandServer, message: str = "settings reloaded") -> dict[str, object]:
    """Send SIGHUP and return the log line that tells the outcome."""

    def outcomes() -> list[dict[str, object]]:
        entries = [json.loads(line) for line in own.log.read_text().splitlines()]
        return [entry for entry in entries if entry["message"] == message]

    before = len(outcomes())
    own.process.send_signal(signal.SIGHUP)
    until(lambda: len(outcomes()) > before, message)
    return outcomes()[-1]


def test_a_rate_limit_comes_and_goes(server: CommandServer, sources: Files) -> None:
    sources.write("ERASE_RATE_LIMIT=1/day")
    assert reload(server)["changed"] == "ERASE_RATE_LIMIT"
    assert_success(server.client.erase(), server.base)
    assert_failure(server.client.erase(), "EXCEEDING_LIMITS")
    sources.write()
    assert reload(server)["changed"] == "ERASE_RATE_LIMIT"
    assert_success(server.client.erase(), server.base)


def test_api_keys_are_added(server: CommandServer, sources: Files, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("another-key\n")
    assert_failure(server.client.erase(key="another-key"), "ERROR_APPLICATIONS_NOT_EXISTS")
    sources.write(f"ERASE_API_KEYS_FILE={tmp_path / 'keys'}")
    reload(server)
    assert_success(server.client.erase(key="another-key"), server.base)
    assert_success(server.client.erase(), server.base)
    sources.write()
    reload(server)
    assert_failure(server.client.erase(key="another-key"), "ERROR_APPLICATIONS_NOT_EXISTS")


def test_signing_keys_are_rotated(server: CommandServer, sources: Files) -> None:
    old = assert_success(server.client.erase(), server.base)
    sources.signing.write_text("\n".join(reversed(SIGNING)))
    assert reload(server)["changed"] == "ERASE_SIGNING_KEYS"
    new = assert_success(server.client.erase(), server.base)
    assert [httpx.get(url).status_code for url in (old, new)] == [200, 200]
    sources.signing.write_text(SIGNING[1])
    reload(server)
    assert [httpx.get(url).status_code for url in (old, new)] == [403, 200]
    assert SIGNING[1] not in server.log.read_text()


def test_an_invalid_setting_changes_nothing(server: CommandServer, sources: Files) -> None:
    sources.write("ERASE_RATE_LIMIT=1/day", "ERASE_RECEIVE_SECONDS=-1")
    entry = reload(server, "settings not reloaded, keeping the previous ones")
    assert str(entry["reason"]).startswith("ERASE_RECEIVE_SECONDS: ")
    for _ in range(2):
        assert_success(server.client.erase(), server.base)


@pytest.mark.parametrize("line", ["ERASE_API_KEYS_FILE=/nowhere/keys", "ERASE_PORT", "ERASE_SIGNING_KEYS=short"])
def test_a_file_that_cannot_be_used_changes_nothing(server: CommandServer, sources: Files, line: str) -> None:
    sources.write("ERASE_RATE_LIMIT=1/day", line)
    reload(server, "settings not reloaded, keeping the previous ones")
    for _ in range(2):
        assert_success(server.client.erase(), server.base)


def test_settings_that_need_a_restart_are_named(server: CommandServer, sources: Files) -> None:
    sources.write("ERASE_CREDITS=5", "ERASE_CONNECTIONS=300")
    entry = reload(server)
    assert entry["changed"] == "ERASE_CONNECTIONS"
    assert entry["needs_restart"] == "ERASE_CREDITS"
    sources.write()
    assert "needs_restart" not in {name for name, value in reload(server).items() if value}


def test_jobs_in_progress_go_on(server: CommandServer, sources: Files) -> None:
    pids = server.stop_workers()
    taken = [server.client.start_erase() for _ in range(2)]
    until(lambda: server.client.waiting() == 1, "both jobs are accepted")
    sources.write("ERASE_DEADLINE_SECONDS=20", "ERASE_RECEIVE_MEMORY_MB=100", "ERASE_ANSWER_MEMORY_MB=100")
    reload(server)
    continue_workers(pids)
    for answer in taken:
        assert_success(answer.result(), server.base)
    assert server.workers() == pids
    sources.write()
    reload(server)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the test opens a terminal as Linux does")
def test_a_closed_terminal_stops_it(tmp_path: Path) -> None:
    leader, terminal = os.openpty()
    port, log = free_port(), tmp_path / "log"
    adopt = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    settings = {"API_KEYS": KEY, "WORKERS": "1", "ENGINE": "opencv", "STORAGE_URL": tmp_path.as_uri()}
    environment = {**os.environ, **{f"ERASE_{name}": value for name, value in settings.items()}}
    with log.open("wb") as errors:
        command = [sys.executable, "-c", adopt, str(COMMAND), "serve", "--port", str(port)]
        process = subprocess.Popen(
            command, stdin=terminal, stdout=errors, stderr=errors, env=environment, start_new_session=True
        )
    os.close(terminal)
    try:
        until(lambda: answers(port), "it serves", 60)
        process.send_signal(signal.SIGHUP)
        until(lambda: "settings reloaded" in log.read_text(), "it reloads, since its terminal is open")
        assert is_alive(process.pid)
        os.close(leader)
        assert process.wait(60) == 0
        assert "reason=SIGHUP" in log.read_text()
    finally:
        process.kill()
        process.wait(60)


def test_all_parts_are_prepared_before_any_changes(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def fails(_: Settings) -> object:
        raise SettingsError("ERASE_X: is wrong")

    parts = (lambda _: lambda: done.append("first"), fails)
    asyncio.run(Reloader(load_settings(), load_settings, parts).reload())  # type: ignore[arg-type]
    assert not done
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_storage_that_needs_a_restart_brings_no_keys(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    old, new = (load_settings(storage_url=(tmp_path / name).as_uri()) for name in ("old", "new"))
    kept = signing_keys(old)
    found: list[list[str]] = []

    def prepare(settings: Settings) -> Callable[[], None]:
        return lambda: found.append(signing_keys(settings))

    asyncio.run(Reloader(old, lambda: new, (prepare,)).reload())
    assert found == [kept]
    assert not (tmp_path / "new").exists()
    assert caplog.records[-1].__dict__["needs_restart"] == "ERASE_STORAGE_URL"


def test_an_unexpected_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(Reloader(load_settings(), lambda: 1 / 0, ()).reload())  # type: ignore[arg-type, return-value]
    assert caplog.records[0].exc_info


def test_names_are_logged_and_no_values(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    fresh = load_settings(signing_keys=(SecretStr(SIGNING[0]),))
    asyncio.run(Reloader(load_settings(), lambda: fresh, ()).reload())
    assert caplog.records[0].__dict__["changed"] == "ERASE_SIGNING_KEYS"
    assert SIGNING[0] not in caplog.text


def test_reloaded_settings_exist() -> None:
    assert set(RELOADED) <= set(Settings.model_fields)


def test_the_environment_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("A=1\nB=2")
    variables = {"B": "given"}
    environment = Environment(variables, file)
    assert variables == {"A": "1", "B": "given"}
    file.write_text("B=2\nC=3")
    environment.read_again()
    assert variables == {"B": "given", "C": "3"}
    file.unlink()
    with pytest.raises(EnvironmentFileError):
        environment.read_again()
    assert variables == {"B": "given", "C": "3"}
