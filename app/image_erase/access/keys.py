"""Who may call: the keys that the operator has set, and those he has switched off."""

import hashlib
import hmac
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from image_erase.contract.endpoints import HEADER
from image_erase.contract.errors import ApiError, Code

log = logging.getLogger(__name__)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def key_lines(text: str) -> Iterator[tuple[str, bool]]:
    """A key file's keys, and whether each may call."""
    for line in text.splitlines():
        words = line.split()
        if words and not words[0].startswith("#"):
            yield words[0], words[1:2] != ["off"]


def _read(text: str) -> dict[bytes, bool]:
    """Key file lines -> digest of the key: whether it may call."""
    return {_digest(key.encode()): active for key, active in key_lines(text)}


class KeyFile:
    """The operator's file of keys, read again whenever it changes on disk."""

    def __init__(self, path: Path) -> None:
        """Raise OSError or UnicodeDecodeError where the file can't be read."""
        self._path = path
        self._entries = _read(path.read_text("utf-8"))
        self._stamp = self._current_stamp()

    def entries(self) -> dict[bytes, bool]:
        """Digest of each key: whether it may call. The last readable content where the file is gone."""
        try:
            stamp = self._current_stamp()
            if stamp != self._stamp:
                self._entries, self._stamp = _read(self._path.read_text("utf-8")), stamp
                log.info("key file read again", extra={"keys": len(self._entries)})
        except (OSError, UnicodeDecodeError) as error:
            log.warning("key file unreadable, keeping what it said", extra={"reason": type(error).__name__})
        return self._entries

    def _current_stamp(self) -> tuple[int, int, int]:
        stat = self._path.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


class Keys:
    """Decides whether a presented key may call."""

    def __init__(self, keys: Iterable[str], file: KeyFile | None = None) -> None:
        self._fixed = {_digest(key.encode()): True for key in keys}
        self._file = file

    def check(self, presented: str | None) -> str:
        """Raise ApiError unless the key may call. Returns a name for it that does not give it away.

        Every known key is compared in constant time and none is skipped, so that the time taken tells nothing.
        """
        if not presented or not presented.strip():
            raise ApiError(Code.ERROR_USER_NOT_EXISTS, f"{HEADER}: Cannot be empty.")
        digest = _digest(presented.strip().encode("latin-1"))  # as the header's bytes were
        matches = [active for known, active in self._entries().items() if hmac.compare_digest(known, digest)]
        if not matches:
            raise ApiError(Code.ERROR_APPLICATIONS_NOT_EXISTS, f"{HEADER}: This server does not know the key.")
        if not matches[0]:
            raise ApiError(Code.ERROR_USER_LOCKED, f"{HEADER}: The key has been switched off.")
        return digest.hex()

    def _entries(self) -> dict[bytes, bool]:
        return self._fixed | self._file.entries() if self._file else self._fixed
