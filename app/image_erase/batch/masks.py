"""Find the mask of an image: one mask for all, or one per image by its name."""

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from image_erase.batch.failures import MANY_MASKS, NO_MASK, Failure, PictureFailed
from image_erase.batch.pictures import SUFFIXES

#: Returns the mask for an image's name. Raises PictureFailed if there is none, or more than one.
MaskOf = Callable[[Path], Path]

_ENDINGS = ("_mask", "-mask")


def masks_at(place: Path) -> MaskOf:
    """Return how to find masks. place: one mask for all images, or a folder of masks."""
    return MaskFolder(place).mask_of if place.is_dir() else lambda name: place


@dataclass
class _Listing:
    """All names in a folder of masks, and the names with an image suffix by their stem."""

    names: frozenset[str] = frozenset()
    by_stem: dict[str, list[str]] = field(default_factory=dict)


class MaskFolder:
    """A folder of masks with the same subfolders as the images."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listings: dict[Path, _Listing] = {}

    def mask_of(self, name: Path) -> Path:
        """Return the mask with the same name, else the same stem, else the stem followed by `_mask` or `-mask`."""
        folder = self._folder / name.parent
        listing = self._listing(folder)
        if name.name in listing.names:
            return folder / name.name
        for stems in ((name.stem,), tuple(name.stem + ending for ending in _ENDINGS)):
            found = sorted(mask for stem in stems for mask in listing.by_stem.get(stem, ()))
            if len(found) > 1:
                raise PictureFailed(Failure(MANY_MASKS, f"more than one mask: {', '.join(found)}"))
            if found:
                return folder / found[0]
        raise PictureFailed(Failure(NO_MASK, f"no mask in {folder}"))

    def _listing(self, folder: Path) -> _Listing:
        if folder not in self._listings:
            self._listings[folder] = _list(folder)
        return self._listings[folder]


def _list(folder: Path) -> _Listing:
    try:
        names = frozenset(name for name in os.listdir(folder) if not name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return _Listing()
    except OSError as error:
        raise PictureFailed(Failure(NO_MASK, f"{folder}: cannot be read ({error.strerror})")) from None
    by_stem = defaultdict(list)
    for name in map(Path, names):
        if name.suffix.lower() in SUFFIXES:
            by_stem[name.stem].append(name.name)
    return _Listing(names, dict(by_stem))
