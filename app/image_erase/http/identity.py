"""What a request is called in its answer, in the log and by whoever reports a problem."""

import re
import secrets
import uuid
from dataclasses import dataclass, field

# What clients and proxies use: UUIDs, trace ids, words; nothing that a log line or a header would have to escape.
_GIVEN = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}")


def _log_id() -> str:
    return str(10_000_000 + secrets.randbelow(90_000_000))


@dataclass(frozen=True)
class RequestIds:
    """The two names of a request. Clients read both as non-empty strings.

    request_id: an upper-case UUID, or what the client named it. log_id: a decimal number of eight digits.
    """

    request_id: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    log_id: str = field(default_factory=_log_id)

    @classmethod
    def given(cls, request_id: str | None) -> "RequestIds":
        """Return ids with the request ID that the client sent, if it is a valid one, else with a new one."""
        return cls(request_id) if request_id and _GIVEN.fullmatch(request_id) else cls()
