"""Images, masks and results in object stores, or in folders named by a file URL."""

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore

from image_erase.batch.failures import UNREADABLE, UNWRITABLE, Failure, PictureFailed, PlanError
from image_erase.batch.urls import StoreUrl
from image_erase.jobs.frames import MAX_BLOB_BYTES
from image_erase.results.bucket import open_bucket
from image_erase.results.directory import local_path
from image_erase.results.failures import StoreError
from image_erase.results.location import is_storage_url
from image_erase.results.reasons import call_reason

if TYPE_CHECKING:
    from obstore.store import ObjectStore

# A run of hours outlives a store's restart; an image of 64 MB takes half a minute on a slow line.
_RETRIES, _RETRY_SECONDS, _REQUEST_SECONDS = 8, 60, 120


class Folder:
    """A folder of a store. Its methods block, and may be called from several threads."""

    def __init__(self, url: str) -> None:
        """url: ends in a slash. Opens it without a request. Raises PlanError."""
        self.url = url
        self._store = _opened(url)

    @classmethod
    def of(cls, place: Path | StoreUrl) -> "Folder":
        """Return the folder at a URL or a local path. Raises PlanError."""
        return cls(place.text if isinstance(place, StoreUrl) else place.resolve().as_uri() + "/")

    def names(self) -> Iterator[PurePosixPath]:
        """Return the names of all objects, also in subfolders, without hidden ones. Raises PlanError."""
        try:
            for page in obstore.list(self._store):
                for entry in page:
                    name = PurePosixPath(entry["path"])
                    if not any(part.startswith(".") for part in name.parts):
                        yield name
        except NotFoundError:
            return
        except (BaseError, OSError, ValueError) as error:
            raise PlanError(f"{self.url}: cannot be listed ({call_reason(error)})") from None

    def read(self, name: PurePosixPath, most_bytes: int) -> bytes:
        """Return an object, no more than most_bytes of it. Raises OSError, and what the library raises."""
        answer = obstore.get(self._store, str(name))
        if answer.meta["size"] > most_bytes:
            return bytes(obstore.get_range(self._store, str(name), start=0, length=most_bytes))
        return bytes(answer.bytes())

    def write(self, name: PurePosixPath, data: bytes) -> None:
        """Write an object as a whole, or not at all. Raises OSError, and what the library raises."""
        kind = mimetypes.guess_type(name.name)[0] or "application/octet-stream"
        attributes: Any = {} if isinstance(self._store, LocalStore) else {"Content-Type": kind}
        obstore.put(self._store, str(name), data, attributes=attributes, use_multipart=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """An object in a folder."""

    folder: Folder
    name: PurePosixPath

    @classmethod
    def at(cls, url: StoreUrl) -> "Stored":
        """Return the object at a URL that does not end in a slash. Raises PlanError."""
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
            raise PictureFailed(Failure(UNREADABLE, f"{subject}: cannot be read ({call_reason(error)})")) from None

    def write(self, data: bytes) -> None:
        """Write it. Raises PictureFailed, fatal if no other result could be written either."""
        try:
            self.folder.write(self.name, data)
        except (BaseError, OSError) as error:
            fatal = isinstance(error, PermissionDeniedError | UnauthenticatedError)
            message = f"{self}: cannot be written ({call_reason(error)})"
            raise PictureFailed(Failure(UNWRITABLE, message, fatal=fatal)) from None


def _opened(url: str) -> "ObjectStore":
    if not is_storage_url(url):
        raise PlanError(f"{url}: is no URL of a store, such as s3://bucket/folder/")
    try:
        if url.startswith("file:"):
            folder = local_path(url)
            assert folder
            return LocalStore(folder, mkdir=True)
        return open_bucket(url, retries=_RETRIES, retry_seconds=_RETRY_SECONDS, timeout=f"{_REQUEST_SECONDS}s")
    except StoreError as error:
        raise PlanError(f"{url}: cannot be opened ({error})") from None
    except (BaseError, OSError, ValueError) as error:
        raise PlanError(f"{url}: cannot be opened ({call_reason(error)})") from None
