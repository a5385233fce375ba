"""Which URLs name a storage."""

import re

_BUCKET = re.compile(r"(s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(/(?!\.{1,2}(/|$))[A-Za-z0-9!_.*'()=-]+)*/?")


def is_storage_url(url: str) -> bool:
    """Whether the URL is a valid storage URL."""
    return url.startswith("file:") or _BUCKET.fullmatch(url) is not None
