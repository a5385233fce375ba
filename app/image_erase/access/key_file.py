"""The operator's file of keys, one per line, reloaded when it changes."""

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from image_erase.clock import Clock, system_clock

log = logging.getLogger(__name__)

#: Keys are removed only after the file has not changed for this long: until then it may be half written.
STILL_SECONDS = 1.0
_KEY = re.compile(r"[!-~]+")
_LINE_END = re.compile(r"\r\n|\n|\r")

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True)
class KeyLine:
    """A line with a key. number: from 1. key: None where it is refused. is_ended: whether the line's end is there."""

    number: int
    key: str | None
    is_active: bool
    is_ended: bool


def digest(key: bytes) -> bytes:
    """Return the SHA-256 of a key, which is stored and compared instead of the key."""
    return hashlib.sha256(key).digest()


def is_key(text: str) -> bool:
    """Whether a text can be a key: printable ASCII without spaces, which every client can send in a header."""
    return _KEY.fullmatch(text) is not None


def read_lines(path: Path) -> list[KeyLine]:
    """Return the lines of a key file that have a key. Raises OSError or UnicodeDecodeError."""
    return list(_key_lines(path.read_bytes().decode("utf-8-sig")))


def _key_lines(text: str) -> Iterator[KeyLine]:
    lines = _LINE_END.split(text)
    for number, line in enumerate(lines, 1):
        words = line.split()
        if words and not words[0].startswith("#"):
            key = words[0] if is_key(words[0]) else None
            yield KeyLine(number, key, words[1:2] != ["off"], number < len(lines))


class KeyFile:
    """Keys and whether each is active, read again whenever the file changes on disk.

    A file that is rewritten in place is empty or incomplete for a while. So added and switched off keys count at once;
    missing keys, and a last line without a line end, count after the file has not changed for STILL_SECONDS.
    """

    def __init__(
        self, path: Path, clock: Clock = system_clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Raise OSError or UnicodeDecodeError where the file can't be read."""
        self.path, self._clock, self._monotonic = path, clock, monotonic
        self._stamp: Stamp | None = None  # of the content that was loaded as a whole
        self._seen: Stamp | None = None
        self._seen_at = 0.0
        self._failure: str | None = None
        lines = read_lines(path)
        self._whole = self._entries = _states(lines)
        self._warn(lines)

    def entries(self) -> dict[bytes, bool]:
        """Return whether each key is active, by digest; from the last readable content if the file is unreadable."""
        try:
            self._follow()
            self._failure = None
        except (OSError, UnicodeDecodeError) as error:
            self._tell_once(type(error).__name__)
        return self._entries

    def _follow(self) -> None:
        stamp = self._current_stamp()
        if stamp == self._stamp:
            return
        if stamp != self._seen:
            self._seen, self._seen_at = stamp, self._monotonic()
            if not self._is_still(stamp):
                self._entries = self._whole | _states(line for line in read_lines(self.path) if line.is_ended)
                return
        if self._is_still(stamp):
            self._take(stamp)

    def _is_still(self, stamp: Stamp) -> bool:
        by_file = self._clock() - stamp[0] / 1e9 >= STILL_SECONDS
        return by_file or self._monotonic() - self._seen_at >= STILL_SECONDS

    def _take(self, stamp: Stamp) -> None:
        """Load the file, unless it changes while it is read."""
        lines = read_lines(self.path)
        if self._current_stamp() == stamp:
            changed = self._stamp is not None or _states(lines) != self._whole
            self._whole = self._entries = _states(lines)
            self._stamp = stamp
            if changed:
                log.info("key file reloaded", extra={"keys": len(self._whole)})
                self._warn(lines)

    def _current_stamp(self) -> Stamp:
        found = self.path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns

    def _warn(self, lines: list[KeyLine]) -> None:
        refused = [line.number for line in lines if line.key is None]
        if refused:
            facts = {"file": self.path.name, "lines": ",".join(map(str, refused[:20])), "refused": len(refused)}
            log.warning("keys refused: a key must be printable ASCII", extra=facts)

    def _tell_once(self, reason: str) -> None:
        if reason != self._failure:
            log.warning("key file unreadable, keeping the previous keys", extra={"reason": reason})
        self._failure = reason


def _states(lines: Iterable[KeyLine]) -> dict[bytes, bool]:
    return {digest(line.key.encode()): line.is_active for line in lines if line.key is not None}
