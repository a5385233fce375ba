"""Log lines as text and as JSON."""

import json
import logging
import re
from collections.abc import Iterator

import pytest

from image_erase.logs import Level, configure_logging, time_of

#: In UTC, with milliseconds.
RFC_3339 = re.compile(r"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d\.\d{3}Z")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("image_erase")
    handlers, levels = root.handlers[:], (root.level, own.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])


def test_console(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console")
    logging.getLogger("image_erase.request").info("request", extra={"status": 200, "gone": None})
    line = capsys.readouterr().err
    when, _, rest = line.partition(" ")
    assert RFC_3339.fullmatch(when)
    assert rest == "INFO    request status=200\n"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    logging.getLogger("image_erase.request").info("request", extra={"status": 200, "request_id": "X"})
    entry = json.loads(capsys.readouterr().err)
    assert (entry["message"], entry["level"], entry["status"], entry["request_id"]) == ("request", "INFO", 200, "X")
    assert RFC_3339.fullmatch(entry["time"])


@pytest.mark.parametrize(
    ("created", "said"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1767225599.9996, "2025-12-31T23:59:59.999Z"),
        (1767225600.0421, "2026-01-01T00:00:00.042Z"),
    ],
)
def test_time(created: float, said: str) -> None:
    assert time_of(logging.makeLogRecord({"created": created})) == said


@pytest.mark.parametrize(
    ("level", "own", "others"),
    [
        ("debug", ["debug", "info", "warning", "error"], ["info", "warning", "error"]),
        ("info", ["info", "warning", "error"], ["info", "warning", "error"]),
        ("error", ["error"], ["error"]),
    ],
)
def test_level(level: Level, own: list[str], others: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", level)
    for name in ("image_erase.request", "of_a_library"):
        for one in ("debug", "info", "warning", "error"):
            getattr(logging.getLogger(name), one)(one)
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["message"] for line in said if line["logger"] == "image_erase.request"] == own
    assert [line["message"] for line in said if line["logger"] == "of_a_library"] == others
