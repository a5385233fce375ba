"""Use stored results and images as images of new requests, by their links. No other URL is ever fetched."""

import re
from urllib.parse import urlsplit

from image_erase.http.files import Part
from image_erase.plain.problems import Kind, Problem
from image_erase.results.links import PREFIX, LinkAltered, LinkExpired, Links
from image_erase.results.names import ResultName
from image_erase.results.store import ResultMissing, ResultStore, StoreError

_PATH = re.compile(rf"/{PREFIX}/([^/?#]+)/([^/?#]+)/([^/?#]+)")


class LinkedResults:
    """Reads results and images from the store. max_bytes: of one."""

    def __init__(self, links: Links, store: ResultStore, max_bytes: int) -> None:
        self._links, self._store, self._max_bytes = links, store, max_bytes

    async def find(self, link: str, base: str, field: str) -> tuple[ResultName, int]:
        """Return the name and the size in bytes of the result behind a link.

        link: a path, or a URL that begins with base. field: of the form, that it stands in.
        Raises Problem if it is no valid link of this server, or has expired, or its result is gone or too large.
        """
        name = self._verified(link.removeprefix(base).removeprefix(urlsplit(base).path), field)
        try:
            size = await self._store.size(name)
        except ResultMissing:
            raise Problem(Kind.RESULT_DELETED, f"{field}: The result has been deleted.", field) from None
        except StoreError:
            raise _unreadable(field) from None
        if size > self._max_bytes:
            detail = f"{field}: The result has {size} bytes, a file may have at most {self._max_bytes}."
            raise Problem(Kind.FILE_TOO_LARGE, detail, field)
        return name, size

    async def read(self, name: ResultName, size: int, field: str) -> Part:
        """Return the result as if it had been uploaded. Raises Problem."""
        part = Part(field, True, name.content_type)
        try:
            opened = await self._store.open(name, 0, size)
            async for chunk in opened.chunks():
                part.data += chunk
        except ResultMissing:
            raise Problem(Kind.RESULT_DELETED, f"{field}: The result has been deleted.", field) from None
        except StoreError:
            raise _unreadable(field) from None
        return part

    def _verified(self, path: str, field: str) -> ResultName:
        match = _PATH.fullmatch(path)
        try:
            if not match:
                raise LinkAltered
            return self._links.verify(*match.groups())
        except LinkExpired:
            raise Problem(Kind.LINK_EXPIRED, f"{field}: The link has expired.", field) from None
        except LinkAltered:
            raise Problem(Kind.LINK_INVALID, f"{field}: Must be a file or a link of this server.", field) from None


def _unreadable(field: str) -> Problem:
    return Problem(Kind.STORAGE_FAILED, f"{field}: The result could not be read.", field)
