"""The packaged example picture and its mask, which `image-erase sample` writes."""

from pathlib import Path

PHOTO, MASK = "photo.jpg", "mask.png"
# The page has the same picture among its files.
_FILES = {
    PHOTO: Path(__file__).parents[1] / "web" / "page" / "sample.jpg",
    MASK: Path(__file__).with_name("mask.png"),
}


def write_sample(folder: Path) -> list[Path]:
    """Write the picture and the mask into a folder, which is created if missing, and return their paths.

    An existing file with the same content is left alone. Raises FileExistsError for one with other content, before
    anything is written, and OSError if the folder cannot be written.
    """
    wanted = {folder / name: source.read_bytes() for name, source in _FILES.items()}
    missing = [path for path, content in wanted.items() if not _has(path, content)]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        with path.open("xb") as file:
            file.write(wanted[path])
    return list(wanted)


def _has(path: Path, content: bytes) -> bool:
    """Whether the file has that content; False if there is none. Raises FileExistsError for another content."""
    if not path.exists():
        return False
    if path.is_file() and path.read_bytes() == content:
        return True
    raise FileExistsError(f"{path} exists")
