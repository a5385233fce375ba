"""The command in a process: how it starts, stops, crashes and restarts."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.envelope import assert_failure, assert_success
from support.files import chunk, png_file
from support.forked import run_forked
from support.pictures import mask_file, photo_file
from support.processes import is_alive, refuses, until
from support.server import COMMAND, KEY, PATH, CommandServer, Server, StartCommand, continue_workers

SIGNING_KEY = "a-signing-key-of-the-tests-themselves"


class TestStop:
    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
    def test_jobs_taken_are_finished(self, start_command: StartCommand, how: signal.Signals) -> None:
        own: CommandServer = start_command(QUEUE="2")
        pids = own.stop_workers()
        taken = [own.client.start_erase() for _ in range(3)]
        until(own.client.is_full, "all jobs are taken")
        own.process.send_signal(how)
        until(lambda: refuses(own.client.address), "nobody new is let in")
        assert not any(answer.done() for answer in taken)
        continue_workers(pids)
        for answer in taken:
            assert_success(answer.result(), own.base)
        assert own.process.wait(60) == 0
        until(lambda: not any(is_alive(pid) for pid in pids), "the workers end")
        ends = [line for line in map(json.loads, own.log.read_text().splitlines()) if line["message"] == "stopped"]
        assert [(line["reason"], line["exit_code"]) for line in ends] == [(how.name, 0)]

    @pytest.mark.hostile
    def test_a_job_that_hangs_holds_it_no_longer_than_the_deadline(self, start_command: StartCommand) -> None:
        own: CommandServer = start_command(DEADLINE_SECONDS="3", QUEUE="0")
        pids = own.stop_workers()
        taken = own.client.start_erase()
        until(own.client.is_full, "the job is taken")
        own.process.terminate()
        assert_failure(taken.result(), "AI_SERVICE_TIMEOUT")
        assert own.process.wait(60) == 0
        until(lambda: not any(is_alive(pid) for pid in pids), "the workers end")

    def test_idle(self, start_command: StartCommand) -> None:
        own: CommandServer = start_command(program=(COMMAND,), WORKERS="2")
        pids = own.workers()
        assert len(pids) == 2
        own.process.terminate()
        assert own.process.wait(60) == 0
        assert not any(is_alive(pid) for pid in pids)


@pytest.mark.hostile
class TestKilled:
    def test_workers_end_and_links_live_on(self, start_command: StartCommand) -> None:
        own: CommandServer = start_command(WORKERS="2")
        url = assert_success(own.client.erase(), own.base)
        content = own.client.get(url).content
        pids = own.workers()
        assert len(pids) == 2
        own.process.kill()
        own.process.wait(60)
        until(lambda: not any(is_alive(pid) for pid in pids), "the workers end")
        again: CommandServer = start_command()
        answer = again.client.get(url.removeprefix(own.base))
        assert answer.status_code == 200
        assert answer.content == content

    def test_while_a_worker_works(self, start_command: StartCommand) -> None:
        own: CommandServer = start_command(QUEUE="0")
        pids = own.stop_workers()
        taken = own.client.start_erase()
        until(own.client.is_full, "the job is taken")
        own.process.kill()
        own.process.wait(60)
        assert isinstance(taken.exception(), httpx.TransportError)
        continue_workers(pids)
        until(lambda: not any(is_alive(pid) for pid in pids), "the workers end")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandServer]:
    """One server for all tests of its output; each looks for the lines that it has caused."""
    folders = tmp_path_factory.mktemp("storage"), tmp_path_factory.mktemp("logs")
    with CommandServer(*folders, SIGNING_KEYS=SIGNING_KEY) as running:
        yield running


class TestLog:
    def test_one_line_a_request_and_no_secret(self, own: CommandServer) -> None:
        asked_before = len(lines_of(own, path=PATH))
        body = own.client.erase().json()
        url = body["data"]["image_url"]
        assert own.client.get(url).status_code == 200
        own.client.erase(key="a-wrong-key-of-somebody")
        until(lambda: len(lines_of(own, path=PATH)) >= asked_before + 2, "both requests are logged")
        log = own.log.read_text()
        signature = url.split("/")[4].split("-", 1)[1]
        for secret in (KEY, "a-wrong-key-of-somebody", SIGNING_KEY, signature):
            assert secret not in log
        (line,) = lines_of(own, request_id=body["request_id"])
        assert line["log_id"] == body["log_id"]
        assert line["status"] == 200
        assert len(lines_of(own, path=PATH)) == asked_before + 2

    def test_broken_files_disturb_no_line(self, own: CommandServer) -> None:
        """What decoders remark on broken files may not come between the lines."""
        asked_before = len(lines_of(own, path=PATH))
        for format in ("JPEG", "PNG", "WEBP", "BMP"):
            whole = photo_file(format, (200, 150))
            for broken in (whole[: len(whole) // 2], whole[:100] + bytes(50) + whole[150:]):
                assert own.client.erase(broken, mask_file((200, 150))).status_code in (200, 422)
        remarked = png_file((200, 150), 16, 2, chunk(b"gAMA", b"too long"))
        assert own.client.erase(remarked, mask_file((200, 150))).status_code == 200
        until(lambda: len(lines_of(own, path=PATH)) == asked_before + 9, "every request is logged")

    def test_a_path_cannot_write_lines_of_its_own(self, start_command: StartCommand) -> None:
        own: CommandServer = start_command(LOG_FORMAT="console")
        own.client.get("/%0aforged%0d%0aforged%1b[2J")
        own.process.terminate()
        own.process.wait(60)
        log = own.log.read_text()
        assert "forged" in log
        assert not any(line.startswith("forged") for line in log.splitlines())
        assert "\x1b" not in log

    def test_the_line_to_paste_shows_no_key_of_the_operator(self, own: CommandServer) -> None:
        printed = own.log.with_suffix(".out").read_text()
        assert f":{own.port}{PATH}" in printed
        assert KEY not in printed

    def test_a_worker_has_none_of_the_secrets(self, own: CommandServer) -> None:
        (pid,) = own.workers()
        known = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
        assert KEY.encode() not in known
        assert SIGNING_KEY.encode() not in known


def lines_of(own: CommandServer, **wanted: Any) -> list[dict[str, Any]]:
    """The whole lines of its log, each a JSON object, that have these entries."""
    whole = own.log.read_text().rpartition("\n")[0]
    lines = [json.loads(line) for line in whole.splitlines()]
    return [line for line in lines if wanted.items() <= line.items()]


def run(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, where it is expected to end by itself."""
    settings = {f"ERASE_{name}": value for name, value in environment.items()}
    return run_forked(tmp_path, *arguments, PATH=os.environ["PATH"], **settings)


class TestStart:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("WORKERS", "none"), ("PUBLIC_URL", "ftp://x"), ("API_KEYS_FILE", "/no/such/file")],
    )
    def test_wrong_setting_is_one_line_that_names_it(self, tmp_path: Path, name: str, value: str) -> None:
        done = run(tmp_path, "serve", "--port", "0", **{name: value})
        assert done.returncode not in (0, None)
        (line,) = done.stderr.strip().splitlines()
        assert f"ERASE_{name}" in line

    def test_a_network_that_does_not_fit_is_one_line_that_names_it(self, tmp_path: Path) -> None:
        (tmp_path / "model.onnx").write_bytes(b"no network")
        done = run(tmp_path, "serve", "--port", "0", ENGINE="onnx", ONNX_MODEL="model.onnx", WORKERS="1")
        assert done.returncode not in (0, None)
        assert "cannot start: ERASE_ONNX_MODEL: " in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_layout_network_that_is_none_is_one_line_that_names_it(self, tmp_path: Path) -> None:
        (tmp_path / "layout.onnx").write_bytes(b"no network")
        done = run(tmp_path, "serve", "--port", "0", LAYOUT="layout.onnx", WORKERS="1")
        assert done.returncode not in (0, None)
        assert "cannot start: ERASE_LAYOUT: " in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("files", [9, 12, 20])
    def test_too_few_open_files(self, tmp_path: Path, files: int) -> None:
        """For the event loop, for its signals, or for a worker's pipes."""
        command = [str(Path(sys.executable).with_name("image-erase")), "serve", "--port", "0"]
        limit = (
            f"import os, resource as r, sys; r.setrlimit(r.RLIMIT_NOFILE, ({files}, {files}));"
            "os.execv(sys.argv[1], sys.argv[1:])"
        )
        done = subprocess.run(
            [sys.executable, "-c", limit, *command],
            env={"PATH": os.environ["PATH"], "ERASE_WORKERS": "4"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 3
        assert "it could not start" in done.stderr
        assert "Too many open files" in done.stderr
        assert "Traceback" not in done.stderr
        assert "Warning" not in done.stderr

    def test_port_in_use(self, server: Server, tmp_path: Path) -> None:
        done = run(tmp_path, "serve", "--port", str(server.client.address[1]))
        assert done.returncode not in (0, None)
        assert "ERASE_PORT" in done.stderr
        assert "Traceback" not in done.stderr


HEAVY = ("fastapi", "pydantic", "uvicorn", "obstore", "limits", "prometheus_client", "numpy", "cv2", "PIL", "httpx")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["serve", "--help"], ["erase", "--help"]])
def test_help_loads_no_library_that_takes_long(arguments: list[str]) -> None:
    """What a help text needs is loaded in a fifth of a second; with the server's libraries it was a whole one."""
    program = (
        "import sys, image_erase.cli as cli\n"
        f"try: cli.main({arguments!r})\n"
        f"finally: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
    assert done.stdout


def test_erasing_loads_no_library_of_the_server() -> None:
    """With them the command took a quarter more processor time for one picture."""
    libraries = {*HEAVY, "starlette", "tqdm"} - {"pydantic"}
    program = (
        "import sys, image_erase.batch.command, image_erase.batch.local, image_erase.job_options\n"
        f"print([name for name in {libraries!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
