"""Formats of log lines: text for people, or one JSON object per line."""

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

Level = Literal["debug", "info", "warning", "error"]

_RESERVED = {*RESERVED_ATTRS, "message", "color_message"}


class ConsoleFormatter(logging.Formatter):
    """Time, level, message, and the extra fields as key=value."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 (logging's name)
        """Return the time of a record."""
        return time_of(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """Return the line without a stack trace."""
        facts = ((key, value) for key, value in vars(record).items() if key not in _RESERVED and value is not None)
        return " ".join((super().formatMessage(record), *(f"{key}={_quoted(value)}" for key, value in facts)))


def _quoted(value: object) -> str:
    """Return a field as one word, so that nothing a client sends can look like another field or line."""
    text = str(value)
    return text if text.isprintable() and " " not in text else json.dumps(text)


class _JsonFormatter(JsonFormatter):
    def __init__(self) -> None:
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        super().__init__("{asctime}{levelname}{name}{message}", style="{", rename_fields=names)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 (logging's name)
        return time_of(record)


def time_of(record: logging.LogRecord) -> str:
    """Return the time of a record in UTC with milliseconds, in the form of RFC 3339."""
    when = datetime.fromtimestamp(record.created, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def configure_logging(log_format: Literal["console", "json"], level: Level = "info") -> None:
    """Write all log lines at or above a level to standard error in the given format.

    Libraries never log below `info`: their debug messages are about themselves, and may quote requests.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter() if log_format == "json" else ConsoleFormatter())
    logging.basicConfig(handlers=[handler], force=True)
    set_level(level)
    # A request's own log line says what is wrong with it; messages of the libraries would only repeat it.
    for noisy in ("python_multipart", "uvicorn.error", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)


def set_level(level: Level) -> None:
    """Write only log lines at or above a level."""
    wanted = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger().setLevel(max(wanted, logging.INFO))
    logging.getLogger("image_erase").setLevel(wanted)
