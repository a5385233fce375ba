"""Conditional and partial GET (RFC 9110) for responses that never change."""

import re

_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)\s*", re.IGNORECASE)
_MAX_DIGITS = 18


class RangeNotSatisfiable(Exception):
    """The range starts after the end of the content."""


def matches_etag(header: str, etag: str) -> bool:
    """Whether an If-None-Match header names the ETag (weak comparison, RFC 9110 §13.1.2). etag: with its quotes."""
    tags = (tag.strip().removeprefix("W/") for tag in header.split(","))
    return any(tag in ("*", etag) for tag in tags)


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return start (inclusive) and stop (exclusive) of a Range header for `size` bytes.

    Returns None if everything is to be sent: without the header, for another unit, several ranges or invalid syntax
    (RFC 9110 §14.2 lets a server ignore those). Raises RangeNotSatisfiable.
    """
    match = _RANGE.fullmatch(header or "")
    if not match or not (match[1] or match[2]) or max(map(len, match.groups())) > _MAX_DIGITS:
        return None
    if not match[1]:
        start, stop = max(0, size - int(match[2])), size
    else:
        start, stop = int(match[1]), min(size, int(match[2]) + 1 if match[2] else size)
        if match[2] and int(match[2]) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable
    return start, stop
