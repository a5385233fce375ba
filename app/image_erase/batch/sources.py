"""Find the images of a folder, the names of their results, and their masks."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TypeVar

from image_erase.batch.failures import MANY_MASKS, NO_MASK, UNREADABLE, Failure, PictureFailed, PlanError
from image_erase.batch.shards import MASK_ENDINGS
from image_erase.imaging.header import FORMATS, format_of

_Name = TypeVar("_Name", bound=PurePath)
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
_SNIFFED_BYTES = 16
_NO_PICTURE = Failure(
    "UNSUPPORTED_FILE_TYPES", f"image: The file is none of {', '.join(FORMATS[:-1])} and {FORMATS[-1]}."
)
# Suffixes that a result may keep; otherwise it gets the first one.
_JPEG_SUFFIXES, _PNG_SUFFIXES = (".jpg", ".jpeg"), (".png",)
# Suffixes of image formats: a file of another format must not have them.
_PICTURE_SUFFIXES = SUFFIXES | {".avif", ".gif", ".heic", ".heif", ".jfif", ".jpe", ".jxl", ".tif", ".tiff"}


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


def suffix_mismatch(path: Path, file_format: str) -> str | None:
    """Return what is wrong with the name of a result; None if its suffix fits or is not that of an image format.

    file_format: of the image, or of the result.
    """
    expected = _suffixes(file_format)
    suffix = path.suffix.lower()
    if suffix in expected or suffix not in _PICTURE_SUFFIXES:
        return None
    kind = "JPEG" if expected is _JPEG_SUFFIXES else "PNG"
    return f"{path}: the result is a {kind} file, so its name must end in {expected[0]}, not {path.suffix}"


def result_name(name: _Name, file_format: str) -> _Name:
    """Return the name of the result: the name of the image, with a suffix that fits the format of the result."""
    kept = _suffixes(file_format)
    return name if name.suffix.lower() in kept else name.with_suffix(kept[0])


def _suffixes(file_format: str) -> tuple[str, ...]:
    return _JPEG_SUFFIXES if file_format == "JPEG" else _PNG_SUFFIXES


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


#: Returns the mask for an image's name. Raises PictureFailed if there is none, or more than one.
MaskOf = Callable[[Path], Path]


def masks_at(place: Path) -> MaskOf:
    """Return how to find masks. place: one mask for all images, or a folder of masks."""
    return MaskFolder(place).mask_of if place.is_dir() else lambda name: place


@dataclass
class MaskNames:
    """The names of the masks in a folder and its subfolders, which are those of the images.

    All are found by their composed form (NFC): macOS and some archives write `ü` as two characters, others as one.
    place: for messages. names, by_stem: (subfolder, composed name or stem) -> names; only names with a suffix of an
    image have a stem.
    """

    place: str
    names: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    by_stem: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, names: Iterable[PurePath], place: str) -> "MaskNames":
        """Collect names. They are relative to the place."""
        collected = cls(place)
        for name in names:
            collected.add(name)
        return collected

    def add(self, name: PurePath) -> None:
        """Add one name."""
        folder = str(name.parent)
        self.names[folder, _composed(name.name)].append(name.name)
        if name.suffix.lower() in SUFFIXES:
            self.by_stem[folder, _composed(name.stem)].append(name.name)

    def name_for(self, name: PurePath) -> PurePath:
        """Return the mask with the same name, else the same stem, else the stem followed by `_mask` or `-mask`.

        Raises PictureFailed if there is none, or more than one.
        """
        folder = str(name.parent)
        same = self.names.get((folder, _composed(name.name)), [])
        if name.name in same:
            return name
        for found in (same, *self._by_stem(folder, name.stem)):
            if len(found) > 1:
                raise PictureFailed(Failure(MANY_MASKS, f"more than one mask: {', '.join(found)}"))
            if found:
                return name.with_name(found[0])
        raise PictureFailed(Failure(NO_MASK, f"no mask in {self.place}"))

    def _by_stem(self, folder: str, stem: str) -> Iterator[list[str]]:
        for stems in ((stem,), tuple(stem + ending for ending in MASK_ENDINGS)):
            yield sorted(mask for one in stems for mask in self.by_stem.get((folder, _composed(one)), ()))


class MaskFolder:
    """A folder of masks with the same subfolders as the images. Each is listed once, when it is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listed: dict[Path, MaskNames] = {}

    def mask_of(self, name: Path) -> Path:
        """Return the mask of an image. Raises PictureFailed."""
        folder = self._folder / name.parent
        if folder not in self._listed:
            self._listed[folder] = MaskNames.of((Path(entry) for entry in _list(folder)), str(folder))
        return folder / self._listed[folder].name_for(Path(name.name))


def _list(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise PictureFailed(Failure(NO_MASK, f"{folder}: cannot be read ({error.strerror})")) from None


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
