"""Request IDs, which connect a response with its log line and with problem reports."""

import re
import secrets
import uuid
from dataclasses import dataclass, field

# UUIDs, trace IDs and words; nothing that would have to be escaped in a log line or header.
_GIVEN = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}")


def _log_id() -> str:
    return str(10_000_000 + secrets.randbelow(90_000_000))


@dataclass(frozen=True)
class RequestIds:
    """The two IDs of a request. Clients read both as non-empty strings.

    request_id: an upper-case UUID, or the ID that the client sent. log_id: a decimal number of eight digits.
    """

    request_id: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    log_id: str = field(default_factory=_log_id)

    @classmethod
    def given(cls, request_id: str | None) -> "RequestIds":
        """Return IDs with the request ID that the client sent if it is valid, otherwise with a new one."""
        return cls(request_id) if request_id and _GIVEN.fullmatch(request_id) else cls()
