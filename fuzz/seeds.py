"""Write the files that fuzzing starts from.

python -m fuzz.seeds TARGET [FOLDER...]

A small file of every kind that the decoders have code for, and all pictures below the folders that are small enough.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from support.files import valid_files

MAX_BYTES = 8192


def seeds(folders: list[Path]) -> Iterator[bytes]:
    """The generated files, then those found."""
    yield from valid_files().values()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.stat().st_size <= MAX_BYTES:
                yield path.read_bytes()


def main() -> None:
    """Write them."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for data in seeds([Path(name) for name in sys.argv[2:]]):
        (target / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


if __name__ == "__main__":
    main()
