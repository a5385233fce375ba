"""What a request is called in its answer, in the log and by whoever reports a problem."""

import secrets
import uuid
from dataclasses import dataclass, field


def _log_id() -> str:
    return str(10_000_000 + secrets.randbelow(90_000_000))


@dataclass(frozen=True)
class RequestIds:
    """The two names of a request. Clients read both as non-empty strings.

    request_id: an upper-case UUID. log_id: a decimal number of eight digits.
    """

    request_id: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    log_id: str = field(default_factory=_log_id)
