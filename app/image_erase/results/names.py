"""The name of a result: all that is known of it, so that no index is needed."""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

_FILE = re.compile(
    r"(?P<time>[0-9]{6})-(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})-(?P<created>[0-9]{1,11})"
    r"\.(?P<suffix>jpg|png)"
)
_KEY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}/(?P<expires>[0-9]{10,11})-(?P<file>[^/]+)")


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@dataclass(frozen=True)
class ResultName:
    """created, expires: whole Unix seconds, UTC. id: a lower-case UUID. suffix: `jpg` or `png`."""

    created: int
    expires: int
    id: str
    suffix: str

    @classmethod
    def new(cls, suffix: str, now: float, ttl_seconds: int) -> "ResultName":
        """A name that nothing else has, for a result made now."""
        return cls(int(now), int(now) + ttl_seconds, str(uuid.uuid4()), suffix)

    @classmethod
    def from_file(cls, file: str, expires: int) -> "ResultName | None":
        """The name behind a link's last segment, None where it is not one of ours."""
        match = _FILE.fullmatch(file)
        return cls(int(match["created"]), expires, match["id"], match["suffix"]) if match else None

    @classmethod
    def from_key(cls, key: str) -> "ResultName | None":
        """The name behind a storage key, None where it is not one of ours."""
        match = _KEY.fullmatch(key)
        return cls.from_file(match["file"], int(match["expires"])) if match else None

    @property
    def date(self) -> str:
        """The day it was made, as the vendor's links carry it: YYYY-MM-DD, UTC."""
        return _moment(self.created).strftime("%Y-%m-%d")

    @property
    def file(self) -> str:
        """The last segment of the link, in the vendor's shape: HHMMSS-uuid-unix.suffix."""
        return f"{_moment(self.created):%H%M%S}-{self.id}-{self.created}.{self.suffix}"

    @property
    def key(self) -> str:
        """Where it is stored: under the day on which it expires, the first to expire first.

        The sweeper can so tell from a folder's name that all in it has expired, and stop at the first key that has
        not.
        """
        return f"{_moment(self.expires):%Y-%m-%d}/{self.expires}-{self.file}"

    @property
    def disposition(self) -> str:
        """Its Content-Disposition: browsers show it, and save it under its name."""
        return f'inline; filename="{self.file}"'

    @property
    def content_type(self) -> str:
        """Its media type."""
        return "image/jpeg" if self.suffix == "jpg" else "image/png"
