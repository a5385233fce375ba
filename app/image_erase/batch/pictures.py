"""Find the images in a folder, and name their results."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from image_erase.batch.failures import UNREADABLE, Failure, PlanError
from image_erase.imaging.header import FORMATS, format_of

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
_SNIFFED_BYTES = 16
_NO_PICTURE = Failure(
    "UNSUPPORTED_FILE_TYPES", f"image: The file is none of {', '.join(FORMATS[:-1])} and {FORMATS[-1]}."
)
# Suffixes that a result may keep; otherwise it gets the first one.
_JPEG_SUFFIXES, _PNG_SUFFIXES = (".jpg", ".jpeg"), (".png",)


@dataclass(frozen=True, slots=True)
class Found:
    """A file in a folder. name: relative to the folder. format: by its first bytes. failure: if it has no format."""

    name: Path
    format: str | None
    failure: Failure | None = None

    @property
    def is_something_else(self) -> bool:
        """Whether the file is not an image and does not have an image suffix either."""
        return self.failure is _NO_PICTURE and self.name.suffix.lower() not in SUFFIXES


def entry(path: Path) -> Path:
    """Return a path with the links in its folder resolved, so that two paths to the same file are equal."""
    return Path(os.path.realpath(path.parent)) / path.name


def find_pictures(folder: Path, *, recursive: bool, without: Collection[Path] = ()) -> list[Found]:
    """Return the images of a folder sorted by name, without hidden and other files.

    A file that only has an image suffix is returned with a failure. without: folders to skip, as returned by
    realpath. Raises PlanError if a folder cannot be read.
    """
    names = sorted(_names(folder, recursive, without), key=lambda name: name.parts)
    looked_at = (look_at(folder, name) for name in names)
    return [found for found in looked_at if not found.is_something_else]


def look_at(folder: Path, name: str | Path) -> Found:
    """Recognise a file by its first bytes."""
    name = Path(name)
    try:
        with (folder / name).open("rb") as file:
            file_format = format_of(file.read(_SNIFFED_BYTES))
    except OSError as error:
        return Found(name, None, Failure(UNREADABLE, f"image: cannot be read ({error.strerror})"))
    return Found(name, file_format, None if file_format else _NO_PICTURE)


def result_name(name: Path, file_format: str) -> Path:
    """Return the name of the result: the name of the image, with a suffix that fits the format of the result."""
    kept = _JPEG_SUFFIXES if file_format == "JPEG" else _PNG_SUFFIXES
    return name if name.suffix.lower() in kept else name.with_suffix(kept[0])


def _names(folder: Path, recursive: bool, without: Collection[Path]) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if recursive and _is_wanted(Path(place, name), without)]
        # Only regular files: reading a pipe, for example, might never end.
        paths = (Path(place, name) for name in files if not name.startswith("."))
        yield from (path.relative_to(folder) for path in paths if path.is_file())


def _is_wanted(folder: Path, without: Collection[Path]) -> bool:
    return not folder.name.startswith(".") and Path(os.path.realpath(folder)) not in without


def _refuse(error: OSError) -> None:
    raise PlanError(f"{error.filename}: cannot be read ({error.strerror})")
