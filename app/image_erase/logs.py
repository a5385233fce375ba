"""Formats of log lines: text for people, or one JSON object per line."""

import json
import logging
import time
from typing import Literal

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

_RESERVED = {*RESERVED_ATTRS, "message", "color_message"}


class ConsoleFormatter(logging.Formatter):
    """Time in UTC, level, message, and the extra fields as key=value."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """Return the line without a stack trace."""
        facts = ((key, value) for key, value in vars(record).items() if key not in _RESERVED and value is not None)
        return " ".join((super().formatMessage(record), *(f"{key}={_quoted(value)}" for key, value in facts)))


def _quoted(value: object) -> str:
    """Return a field as one word, so that nothing a client sends can look like another field or line."""
    text = str(value)
    return text if text.isprintable() and " " not in text else json.dumps(text)


def _json_formatter() -> JsonFormatter:
    return JsonFormatter(
        "{asctime}{levelname}{name}{message}",
        "%Y-%m-%dT%H:%M:%S%z",
        style="{",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
    )


def configure_logging(log_format: Literal["console", "json"], level: int = logging.INFO) -> None:
    """Write all log lines at or above a level to standard error in the given format."""
    handler = logging.StreamHandler()
    handler.setFormatter(_json_formatter() if log_format == "json" else ConsoleFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # What is wrong with a request is in its own log line; messages of the libraries would only repeat it.
    for noisy in ("python_multipart", "uvicorn.error", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
