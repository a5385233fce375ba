"""The files of results in a directory: create, list and delete single ones."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from image_erase.results.failures import Failures
from image_erase.results.names import ResultName
from image_erase.results.store import Kept
from image_erase.system import NEW_FILE

# Writing takes seconds; a file still unfinished after this time was left by a crash.
LEFTOVER_SECONDS = 600
FOLDER_MODE, FILE_MODE = 0o700, 0o600
#: The start of the names of files that only test whether the directory can be written.
PROBE = "probe-"
_DRAFT = re.compile(r"[^#]+#[0-9a-f]+")
# A sweeper may delete an empty folder just before a file is written into it, or while it is created.
_TRIES = 5


def create(path: Path) -> int:
    """Return the descriptor of a new file, readable by its owner only, in a folder that is created if missing."""
    for tried in range(1, _TRIES + 1):
        try:
            path.parent.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            return os.open(path, NEW_FILE, FILE_MODE)
        except (FileNotFoundError, FileExistsError):
            if tried == _TRIES:
                raise
    raise AssertionError


def results_of(day: Path, failures: Failures) -> Iterator[Kept]:
    """Yield the results in the folder of a day."""
    for entry in listed(day):
        name = ResultName.from_key(key := f"{day.name}/{entry.name}")
        if name is None or name.key != key:
            continue
        with one(key, failures):
            if not entry.is_dir(follow_symlinks=False):
                yield Kept(name, entry.stat(follow_symlinks=False).st_size)


def listed(folder: str | os.PathLike[str]) -> Iterator[os.DirEntry[str]]:
    """Return the entries of a folder, none if it does not exist. Raises OSError."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        yield from entries


@contextmanager
def one(entry: str, failures: Failures) -> Iterator[None]:
    """Handle one entry: record its failure, and ignore it if it is missing."""
    try:
        yield
    except FileNotFoundError:
        pass
    except OSError as error:
        failures.add(entry, error)


def delete_leftover(entry: os.DirEntry[str], now: float) -> bool:
    """Delete an old unfinished result or probe. Returns whether the entry was one."""
    if not (_DRAFT.fullmatch(entry.name) or entry.name.startswith(PROBE)):
        return False
    found = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode) or now - found.st_mtime <= LEFTOVER_SECONDS:
        return False
    os.unlink(entry.path)
    return True
