"""Images, masks and results in object stores, or in folders named by a file URL."""

import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import obstore
from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import LocalStore

from image_erase.batch.failures import UNREADABLE, UNWRITABLE, Failure, PictureFailed, PlanError
from image_erase.batch.files import FATAL
from image_erase.batch.stores.urls import StoreUrl
from image_erase.jobs.frames import MAX_BLOB_BYTES
from image_erase.results.bucket_client import BucketTimeouts, open_bucket, unreadable_key
from image_erase.results.directory import local_path
from image_erase.results.failures import StoreError
from image_erase.results.reasons import call_reason

if TYPE_CHECKING:
    from obstore.store import ObjectStore

# The system's error number in messages of the library.
_SYSTEM_ERROR = re.compile(r"\(os error ([0-9]+)\)")

# A run of hours outlives a store's restart; an image of 64 MB takes half a minute on a slow line.
_RETRIES, _TIMEOUTS = 8, BucketTimeouts(request=120, retry=60)


class Folder:
    """A folder of a store. Its methods block, and may be called from several threads."""

    def __init__(self, url: str, local: Path | None = None) -> None:
        """Open a folder without a request. Raises PlanError.

        url: ends in a slash, nothing in it is percent-encoded, and no other URL names the same folder. local: its path
        on this machine, where it is created by the first write.
        """
        self.url, self.local = url, local
        if not local:
            _ = self._store

    @classmethod
    def of(cls, place: Path | StoreUrl) -> "Folder":
        """Return the folder at a URL or a local path. Raises PlanError."""
        local = local_path_of(place)
        return cls(place_of(place) if local is None else f"{place_of(place).rstrip('/')}/", local)

    @cached_property
    def _store(self) -> "ObjectStore":
        return _opened(self.url, self.local)

    def names(self) -> Iterator[PurePosixPath]:
        """Return the names of all objects, also in subfolders, without hidden ones. Raises PlanError."""
        if self.local and not self.local.is_dir():
            return
        try:
            for page in obstore.list(self._store):
                for entry in page:
                    name = PurePosixPath(entry["path"])
                    if not any(part.startswith(".") for part in name.parts):
                        yield name
        except NotFoundError:
            return
        except (BaseError, OSError, ValueError) as error:
            raise PlanError(f"{self.url}: cannot be listed ({self.reason(error)})") from None

    def reason(self, error: Exception) -> str:
        """Describe a failure in one line, without secrets."""
        if isinstance(error, InvalidPathError):
            return f"the name {unreadable_key(error)!r} cannot be read; rename that object"
        # Errors of a local folder contain no secrets, and only their message says what is wrong.
        return str(error).split("\n", 1)[0] if self.local else call_reason(error)

    def read(self, name: PurePosixPath, most_bytes: int) -> bytes:
        """Return an object, no more than most_bytes of it. Raises OSError, and what the library raises."""
        answer = obstore.get(self._store, str(name))
        if answer.meta["size"] > most_bytes:
            return bytes(obstore.get_range(self._store, str(name), start=0, length=most_bytes))
        return bytes(answer.bytes())

    def write(self, name: PurePosixPath, data: bytes) -> None:
        """Write an object as a whole, or not at all. Raises OSError, and what the library raises."""
        kind = mimetypes.guess_type(name.name)[0] or "application/octet-stream"
        attributes: Any = {} if self.local else {"Content-Type": kind}
        obstore.put(self._store, str(name), data, attributes=attributes, use_multipart=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """An object in a folder."""

    folder: Folder
    name: PurePosixPath

    @classmethod
    def at(cls, url: StoreUrl) -> "Stored":
        """Return the object at a URL that does not end in a slash. Raises PlanError."""
        local = local_path_of(url)
        if local:
            return cls(Folder.of(local.parent), PurePosixPath(local.name))
        folder, _, name = url.text.rpartition("/")
        return cls(Folder(f"{folder}/"), PurePosixPath(name))

    def __str__(self) -> str:
        """Return its URL."""
        return f"{self.folder.url}{self.name}"

    @property
    def suffix(self) -> str:
        """The suffix of its name."""
        return self.name.suffix

    def with_suffix(self, suffix: str) -> "Stored":
        """Return the object with another suffix."""
        return Stored(self.folder, self.name.with_suffix(suffix))

    def read(self, subject: str) -> bytes:
        """Return its bytes, at most one more than a worker accepts. Raises PictureFailed."""
        try:
            return self.folder.read(self.name, MAX_BLOB_BYTES + 1)
        except (BaseError, OSError) as error:
            reason = self.folder.reason(error)
            raise PictureFailed(Failure(UNREADABLE, f"{subject}: cannot be read ({reason})")) from None

    def write(self, data: bytes) -> None:
        """Write it. Raises PictureFailed, fatal if no other result could be written either."""
        try:
            self.folder.write(self.name, data)
        except (BaseError, OSError) as error:
            message = f"{self}: cannot be written ({self.folder.reason(error)})"
            raise PictureFailed(Failure(UNWRITABLE, message, fatal=_is_fatal(error))) from None


def _is_fatal(error: Exception) -> bool:
    """Whether no other object could be written either."""
    number = _SYSTEM_ERROR.search(str(error))
    refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    return refused or (number is not None and int(number[1]) in FATAL)


def local_path_of(place: Path | StoreUrl) -> Path | None:
    """Return the path of a place on this machine, with all links resolved; None for one in a bucket."""
    if isinstance(place, Path):
        return place.resolve()
    return local_path(place.text).resolve() if place.is_local else None


def place_of(place: Path | StoreUrl) -> str:
    """Return the only URL of a place, without percent-encoding: two places are the same if their URLs are."""
    local = local_path_of(place)
    return unquote(local.as_uri()) if local else str(place)


def _opened(url: str, local: Path | None) -> "ObjectStore":
    try:
        if local:
            return LocalStore(local, mkdir=True)
        return open_bucket(url, _TIMEOUTS, retries=_RETRIES)
    except StoreError as error:
        raise PlanError(f"{url}: cannot be opened ({error})") from None
    except (BaseError, OSError, ValueError) as error:
        raise PlanError(f"{url}: cannot be opened ({call_reason(error)})") from None
