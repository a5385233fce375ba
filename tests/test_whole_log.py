"""What the log says of a request, from the edge to the worker and back."""

import json
import logging
import os
import signal
from pathlib import Path

import pytest

from image_erase.jobs.frames import MAX_HEAD_BYTES
from image_erase.jobs.job import warm_up_files
from image_erase.jobs.messages import Failed, Failure, Job, frame_of
from image_erase.jobs.options import JobOptions
from image_erase.jobs.request import JobRequest
from image_erase.jobs.worker import answer
from support.documents import first_cells
from support.envelope import assert_failure, assert_success
from support.processes import until
from support.server import KEY, PATH, CommandServer, Server, StartCommand, StartServer


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, start_server: StartServer) -> Server:
    """A server whose workers can't work: they are told to grow masks by what is no number."""
    options = JobOptions(engine="opencv", mask_dilate="splendid")  # type: ignore[arg-type]
    monkeypatch.setattr("image_erase.server.job_options", lambda _: options)
    return start_server()


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def line(caplog: pytest.LogCaptureFixture, message: str, **facts: object) -> logging.LogRecord:
    """The one line with a message and facts; it may come a little after the answer."""

    def found() -> list[logging.LogRecord]:
        lines = [record for record in caplog.records if record.message == message]
        return [record for record in lines if vars(record).items() >= facts.items()]

    until(found, f"the line {message} is logged")
    (only,) = found()
    return only


def lines_of(own: CommandServer) -> list[dict[str, object]]:
    return [json.loads(text) for text in own.log.read_text().splitlines()]


def test_a_failed_job_is_explained_under_its_request(failing: Server, caplog: pytest.LogCaptureFixture) -> None:
    refused = failing.client.erase(*warm_up_files())
    message = assert_failure(refused, "PROCESSING_FAILURE")
    assert "splendid" not in message
    request_id = refused.json()["request_id"]
    failed = line(caplog, "job failed", request_id=request_id)
    assert failed.levelname == "ERROR"
    assert "Traceback" in vars(failed)["trace"]
    assert vars(failed)["pid"] in failing.workers()
    assert not hasattr(line(caplog, "request", request_id=request_id), "trace")


def test_a_worker_that_cannot_warm_up_says_so(failing: Server, caplog: pytest.LogCaptureFixture) -> None:
    (said,) = [record for record in caplog.get_records("setup") if record.message == "worker could not warm up"]
    assert "splendid" in vars(said)["trace"] or "dilate" in vars(said)["trace"]


def test_a_stack_fits_into_a_frame() -> None:
    class Broken:
        def reach(self, *_: object) -> None:
            raise RuntimeError("\U0001f4a5" * MAX_HEAD_BYTES)

    job = Job(1.0, JobRequest(), *warm_up_files())
    failed = answer(job, JobOptions(4096, 90, "opencv"), Broken())  # type: ignore[arg-type]
    assert isinstance(failed, Failed)
    assert failed.failure is Failure.FAILED
    assert 1000 < len(frame_of(failed).head) < MAX_HEAD_BYTES


def test_a_worker_killed_over_a_job_names_the_request(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    own: Server = start_server(deadline_seconds=1.0)
    (pid,) = own.stop_workers()
    request_id = own.client.erase().json()["request_id"]
    ended = line(caplog, "worker ended", request_id=request_id)
    assert (vars(ended)["pid"], vars(ended)["exit_code"]) == (pid, -signal.SIGKILL)


def test_an_idle_worker_that_is_killed_names_no_request(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    own: Server = start_server()
    assert_success(own.client.erase(), own.base)
    (pid,) = own.workers()
    os.kill(pid, signal.SIGKILL)
    assert vars(line(caplog, "worker ended", pid=pid))["request_id"] is None


def test_what_a_worker_writes_is_a_line_like_any_other(start_command: StartCommand) -> None:
    own: CommandServer = start_command(WORKERS="1")
    (pid,) = own.workers()
    Path(f"/proc/{pid}/fd/2").write_bytes(b"a remark\nof a library\n")
    until(lambda: "of a library" in own.log.read_text(), "the remark is logged")
    (remark,) = [entry for entry in lines_of(own) if entry["message"] == "worker output"]
    assert (remark["text"], remark["pid"]) == ("a remark\nof a library", pid)


def test_a_store_that_fails_is_explained(start_server: StartServer, caplog: pytest.LogCaptureFixture) -> None:
    own: Server = start_server()
    own.break_store()
    caplog.clear()
    refused = own.client.erase()
    assert_failure(refused, "FILE_SERVICE_ERROR")
    assert vars(line(caplog, "result not stored", request_id=refused.json()["request_id"]))["reason"]
    assert_failure(own.client.get("/readyz"), "ERROR_INSUFFICIENT_RESOURCES")
    assert vars(line(caplog, "request", path="/readyz"))["reason"]


def test_every_field_of_a_request_line_is_documented(start_command: StartCommand) -> None:
    own: CommandServer = start_command()
    ids = [own.client.erase(key=key).json()["request_id"] for key in (KEY, "unknown")]
    until(lambda: ids[1] in own.log.read_text(), "both requests are logged")
    requests = [entry for entry in lines_of(own) if entry.get("request_id") in ids]
    assert [entry["path"] for entry in requests] == [PATH, PATH]
    named = first_cells("docs/operating.md", "In a request's line")
    common = {"time", "level", "logger", "message"}
    logged = set().union(*requests) - common
    assert logged <= named
    assert named - logged <= {"gone", "reason"}
