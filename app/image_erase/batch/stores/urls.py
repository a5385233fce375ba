"""URLs of stores as arguments of the command. Loads nothing else, because the server imports the options too."""

import re
from dataclasses import dataclass
from typing import Self

_SCHEMES = re.compile(r"(s3|gs|az|file)://")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """The URL of a folder (it ends in a slash) or of an object.

    Keys in buckets are not percent-encoded, as in other programs that copy to and from buckets; only file URLs may be.
    """

    text: str

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Return the URL, or None if the text is a path. Raises ValueError."""
        found = _SCHEMES.match(text)
        if found is None:
            return None
        if found[1] != "file" and not _names_place(text[found.end() :]):
            # It may contain a user name, a password or a signature, which must not be shown.
            shown = f"{found[0]}..." if re.search("[@?#]", text) else text
            raise ValueError(f"{shown} is no URL of a store, such as s3://bucket/folder/")
        return cls(text)

    @property
    def is_folder(self) -> bool:
        """Whether it is the URL of a folder."""
        return self.text.endswith("/")

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return self.text.startswith("file:")

    def __str__(self) -> str:
        """Return its text."""
        return self.text


def _names_place(text: str) -> bool:
    """Whether a text is a bucket and a key, of which every segment can be read by the library."""
    bucket, _, key = text.partition("/")
    segments = key.removesuffix("/").split("/") if key else []
    are_good = all(segment not in ("", ".", "..") and segment.isprintable() for segment in segments)
    return bool(_BUCKET.fullmatch(bucket)) and are_good and not re.search("[?#]", key)
