"""The name of a result, which contains all that the server knows about it, so that no index is needed."""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

_FILE = re.compile(
    r"(?P<time>[0-9]{6})-(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})-(?P<created>[0-9]{1,11})"
    r"\.(?P<suffix>jpg|png|webp|bmp|tif|gif|avif|heic)"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_KEY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}/(?P<expires>[0-9]{10,11})-(?P<file>[^/]+)")

#: Suffix of a result -> its media type.
RESULT_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "tif": "image/tiff",
}
#: Suffix of anything that is stored -> its media type.
MEDIA_TYPES = RESULT_TYPES | {"gif": "image/gif", "avif": "image/avif", "heic": "image/heic"}


def day_of(seconds: float) -> str:
    """Return the day of a Unix time, YYYY-MM-DD, UTC. Results are in a folder for each day of expiry."""
    return f"{_moment(seconds):%Y-%m-%d}"


def is_day(name: str) -> bool:
    """Whether a folder has the name of a day."""
    return _DAY.fullmatch(name) is not None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@dataclass(frozen=True)
class ResultName:
    """created, expires: whole Unix seconds, UTC. id: a lower-case UUID. suffix: one of MEDIA_TYPES."""

    created: int
    expires: int
    id: str
    suffix: str

    @classmethod
    def new(cls, suffix: str, now: float, ttl_seconds: int) -> "ResultName":
        """Return a new, unique name for a result created now."""
        return cls(int(now), int(now) + ttl_seconds, str(uuid.uuid4()), suffix)

    @classmethod
    def from_file(cls, file: str, expires: int) -> "ResultName | None":
        """Parse the last segment of a link; None if it is not a name of this server."""
        match = _FILE.fullmatch(file)
        return cls(int(match["created"]), expires, match["id"], match["suffix"]) if match else None

    @classmethod
    def from_key(cls, key: str) -> "ResultName | None":
        """Parse a storage key; None if it is not a name of this server."""
        match = _KEY.fullmatch(key)
        return cls.from_file(match["file"], int(match["expires"])) if match else None

    @property
    def date(self) -> str:
        """The day of creation as in the vendor's links: YYYY-MM-DD, UTC."""
        return day_of(self.created)

    @property
    def file(self) -> str:
        """The last segment of the link, in the vendor's form: HHMMSS-uuid-unix.suffix."""
        return f"{_moment(self.created):%H%M%S}-{self.id}-{self.created}.{self.suffix}"

    @property
    def key(self) -> str:
        """The storage key, which begins with the day and second of expiry, so that keys sort by expiry.

        This tells the sweeper from a folder's name that everything in it has expired, and it can stop at the first key
        that has not.
        """
        return f"{day_of(self.expires)}/{self.expires}-{self.file}"

    @property
    def disposition(self) -> str:
        """The header Content-Disposition: browsers show the image, and save it under its name."""
        return f'inline; filename="{self.file}"'

    @property
    def content_type(self) -> str:
        """The media type."""
        return MEDIA_TYPES[self.suffix]
