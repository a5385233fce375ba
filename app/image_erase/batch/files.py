"""Read and write the files of a run; `-` is standard input or output."""

import contextlib
import errno
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from image_erase.batch.failures import OUTPUT_EXISTS, UNREADABLE, UNWRITABLE, Failure, PictureFailed
from image_erase.jobs.frames import MAX_BLOB_BYTES

if TYPE_CHECKING:
    from image_erase.batch.plan import Location

DASH = Path("-")
#: Errors with which every other file would fail too: no space, or a read-only file system.
FATAL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


class Inputs:
    """Reads images and masks. standard_input: its content, which is read once before the run."""

    def __init__(self, standard_input: bytes = b"") -> None:
        self._standard_input = standard_input

    def read(self, path: "Location", subject: str) -> bytes:
        """Return a file's bytes. Raises PictureFailed if it cannot be read or is too large for a worker."""
        try:
            if not isinstance(path, Path):
                data = path.read(subject)
            else:
                data = self._standard_input if path == DASH else _read(path)
        except OSError as error:
            raise PictureFailed(Failure(UNREADABLE, f"{subject}: cannot be read ({_reason(error)})")) from None
        if len(data) > MAX_BLOB_BYTES:
            raise PictureFailed(Failure("FILE_SIZE_EXCEEDS_LIMIT", f"{subject}: The file is too large."))
        return data


def read_standard_input() -> bytes:
    """Return everything from standard input, at most one byte more than a worker accepts."""
    return sys.stdin.buffer.read(MAX_BLOB_BYTES + 1)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BLOB_BYTES + 1)


class Outputs:
    """Writes results."""

    def __init__(self, *, overwrite: bool) -> None:
        """overwrite: whether existing files may be replaced."""
        self._overwrite = overwrite
        # The umask can only be read by changing it, which must not happen in two threads at once.
        umask = os.umask(0)
        os.umask(umask)
        self._mode = 0o666 & ~umask

    def write(self, path: "Location", data: bytes) -> None:
        """Write a result. Raises PictureFailed, fatal if no other result could be written either."""
        try:
            if not isinstance(path, Path):
                path.write(data)
            elif path == DASH:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            else:
                self.write_whole(path, data)
        except FileExistsError:
            raise PictureFailed(Failure(OUTPUT_EXISTS, f"{path}: was created during the run")) from None
        except OSError as error:
            message = f"{path}: cannot be written ({_reason(error)})"
            raise PictureFailed(Failure(UNWRITABLE, message, fatal=error.errno in FATAL)) from None

    def write_whole(self, path: Path, data: bytes) -> None:
        """Write a file atomically.

        Raises OSError; FileExistsError if the file exists and must not be overwritten, even if it is brand new.
        """
        # The draft is hidden, so that one left behind by a killed run is not read as an image.
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".image-erase-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                # --resume trusts every existing file, also after a power failure.
                os.fsync(descriptor)
            os.chmod(draft, self._mode)
            if self._overwrite:
                os.replace(draft, path)
            else:
                _name_new(draft, path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(draft)


def _name_new(draft: str, path: Path) -> None:
    """Give a draft its final name. Raises FileExistsError if that exists."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        # The file system has no hard links: reserve the name with an empty file and replace that.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            os.replace(draft, path)
        except BaseException:
            os.unlink(path)
            raise


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
