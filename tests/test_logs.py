"""Log lines for people and for machines."""

import json
import logging
from collections.abc import Iterator

import pytest

from image_erase.logs import configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_console(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console")
    logging.getLogger("image_erase.request").info("request", extra={"status": 200, "gone": None})
    line = capsys.readouterr().err
    assert line.endswith("Z INFO    request status=200\n")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    logging.getLogger("image_erase.request").info("request", extra={"status": 200, "request_id": "X"})
    entry = json.loads(capsys.readouterr().err)
    assert (entry["message"], entry["level"], entry["status"], entry["request_id"]) == ("request", "INFO", 200, "X")
    assert entry["time"].startswith("20")
