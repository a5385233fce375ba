"""The files of the page as they are sent: read once, text compressed once, each with a tag of its content.

The tag does not depend on when or where the files were installed, so that several servers behind one address agree.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: All that is served, by its suffix. A machine's own list of types may be wrong, and modules of a wrong type don't run.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_COMPRESSED_ALREADY = ".jpg", ".png"


@dataclass(frozen=True)
class Variant:
    """One form of a file. etag: with its quotes. encoding: its Content-Encoding, if it has one."""

    data: bytes
    etag: str
    encoding: str | None = None


@dataclass(frozen=True)
class Asset:
    """A file. zipped: the form for clients that accept gzip; None where there is no smaller one."""

    media_type: str
    plain: Variant
    zipped: Variant | None

    def variant(self, zipped: bool) -> Variant:
        """Return the form to send. zipped: whether the client accepts gzip."""
        return self.zipped if zipped and self.zipped else self.plain


def read_assets(folder: Path) -> Mapping[str, Asset]:
    """Read all files below a folder whose type a page has, by their path in it. Symbolic links are passed over."""
    return {
        path.relative_to(folder).as_posix(): _read(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in TYPES and path.is_file() and not path.is_symlink()
    }


def _read(path: Path) -> Asset:
    data = path.read_bytes()
    tag = hashlib.sha256(data).hexdigest()[:32]
    zipped = b"" if path.suffix in _COMPRESSED_ALREADY else gzip.compress(data, 9, mtime=0)
    smaller = Variant(zipped, f'"{tag}-gzip"', "gzip") if 0 < len(zipped) < len(data) else None
    return Asset(TYPES[path.suffix], Variant(data, f'"{tag}"'), smaller)
