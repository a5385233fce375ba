"""The server, its workers and the commands on a system without what only Linux, or only Unix, has."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from image_erase.jobs.job import warm_up_files
from image_erase.jobs.messages import Done
from image_erase.jobs.process import WorkerProcess
from image_erase.system import stop_signals
from support.command import environment
from support.envelope import assert_success
from support.pictures import mask_file, photo_file
from support.server import CommandServer, StartCommand
from support.systems import command
from support.workers import OPTIONS, Worker


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "photo.png").write_bytes(photo_file())
    (tmp_path / "mask.png").write_bytes(mask_file())
    return tmp_path


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command("command"), *arguments],
        cwd=folder,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_worker_erases() -> None:
    with asyncio.Runner() as runner:
        process = runner.run(WorkerProcess.start(OPTIONS, program=command("worker")))
        try:
            assert isinstance(Worker(process, runner).erase(*warm_up_files()), Done)
        finally:
            runner.run(process.end())


def test_the_server_erases_and_stops(start_command: StartCommand) -> None:
    own: CommandServer = start_command(program=command("command"))
    assert_success(own.client.erase(), own.base)
    own.process.terminate()
    assert own.process.wait(60) == 0
    last = json.loads(own.log.read_text().splitlines()[-1])
    assert (last["message"], last["reason"]) == ("stopped", "SIGTERM")


def test_files_are_erased(files: Path) -> None:
    done = run(files, "erase", "photo.png", "mask.png", "-o", "out.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert (files / "out.png").exists()


def test_the_doctor_says_that_memory_is_not_limited(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", ERASE_PORT="0", ERASE_STORAGE_URL=tmp_path.as_uri())
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line.split()[1]: line for line in done.stdout.splitlines()}
    assert lines["memory:"].startswith("warning")
    assert lines["memory:"].endswith("does not enforce it")
    assert not [line for line in lines.values() if line.startswith("wrong")]


def test_signals_that_end_it_are_those_of_the_system() -> None:
    assert [one.name for one in stop_signals()] == ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]
