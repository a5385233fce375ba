"""The files of the page as they are sent: read once, and compressed once, on first use.

Each has an ETag made from its content alone, so that several servers behind one address agree.
"""

import functools
import gzip
import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

#: Media types of the files served. The system's list may be wrong, and browsers refuse modules of a wrong type.
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
# What a module loads before it runs; `import()` loads later.
_IMPORT = re.compile(r"""^\s*(?:import|export)\b[^;()]*?["'](\.{1,2}/[\w./-]+)["'];""", re.M)
#: Hexadecimal digits of a release's name.
RELEASE_LENGTH = 16


@dataclass(frozen=True)
class Variant:
    """One form of a file. etag: with its quotes. encoding: its Content-Encoding, if it has one."""

    data: bytes
    etag: str
    encoding: str | None = None


@dataclass(frozen=True)
class Asset:
    """A file. compress: whether compressing may make it smaller."""

    media_type: str
    plain: Variant
    compress: bool

    @functools.cached_property
    def zipped(self) -> Variant | None:
        """The form for clients that accept gzip; None if it would not be smaller."""
        if not self.compress:
            return None
        zipped = gzip.compress(self.plain.data, 9, mtime=0)
        return Variant(zipped, f'{self.plain.etag[:-1]}-gzip"', "gzip") if len(zipped) < len(self.plain.data) else None

    def variant(self, zipped: bool) -> Variant:
        """Return the form to send. zipped: whether the client accepts gzip."""
        return self.zipped if zipped and self.zipped else self.plain


def read_assets(folder: Path) -> Mapping[str, Asset]:
    """Read all files of a page's types below a folder, by their path in it. Symbolic links are skipped."""
    return {
        path.relative_to(folder).as_posix(): _read(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in TYPES and path.is_file() and not path.is_symlink()
    }


def release_of(assets: Mapping[str, Asset]) -> str:
    """Return a name for the content of all files, for URLs whose content never changes."""
    tags = "".join(f"{name} {asset.plain.etag}\n" for name, asset in sorted(assets.items()))
    return hashlib.sha256(tags.encode()).hexdigest()[:RELEASE_LENGTH]


def modules_from(assets: Mapping[str, Asset], name: str) -> Iterator[str]:
    """Yield a module and all modules that it imports statically, each once."""
    waiting, seen = [name], {name}
    while waiting:
        name = waiting.pop(0)
        yield name
        for address in _IMPORT.findall(assets[name].plain.data.decode()):
            needed = posixpath.normpath(posixpath.join(posixpath.dirname(name), address))
            if needed not in seen:
                seen.add(needed)
                waiting.append(needed)


def in_release(document: Asset, release: str, modules: Iterator[str]) -> Asset:
    """Return the document with the addresses of a release.

    Its modules are preloaded: a browser would find those that others import only after these have arrived.
    """
    text = document.plain.data.decode().replace('"page/', f'"page/{release}/')
    links = "".join(f'    <link rel="modulepreload" href="page/{release}/{name}">\n' for name in modules)
    return made(text.replace("  </head>", f"{links}  </head>", 1).encode(), document.media_type)


def _read(path: Path) -> Asset:
    return made(path.read_bytes(), TYPES[path.suffix], compress=path.suffix not in _COMPRESSED_ALREADY)


def made(data: bytes, media_type: str, *, compress: bool = True) -> Asset:
    """Return a file. compress: whether that may make it smaller."""
    return Asset(media_type, Variant(data, f'"{hashlib.sha256(data).hexdigest()[:32]}"'), compress)
