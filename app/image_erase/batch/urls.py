"""URLs of stores as arguments of the command. Loads nothing else, because the server imports the options too."""

import re
from dataclasses import dataclass
from typing import Self

_SCHEMES = re.compile(r"(s3|gs|az|file)://")


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """The URL of a folder (it ends in a slash) or of an object."""

    text: str

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Return the URL, or None if the text is a path."""
        return cls(text) if _SCHEMES.match(text) else None

    @property
    def is_folder(self) -> bool:
        """Whether it is the URL of a folder."""
        return self.text.endswith("/")

    def __str__(self) -> str:
        """Return its text."""
        return self.text
