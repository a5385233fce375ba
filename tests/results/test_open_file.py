"""A result's file, read in pieces."""

import asyncio
import os
from pathlib import Path

import pytest

from image_erase.results.failures import StoreError
from image_erase.results.open_file import READ_BYTES, OpenFile

DATA = os.urandom(3 * READ_BYTES + 5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "result.png"
    file.write_bytes(DATA)
    return file


def opened(path: Path, start: int, stop: int) -> OpenFile:
    return OpenFile(path, start, stop, lambda error: StoreError(str(error)))


def read(file: OpenFile) -> bytes:
    async def gather() -> bytes:
        return b"".join([chunk async for chunk in file.chunks()])

    return asyncio.run(gather())


def is_open(path: Path) -> bool:
    return any(os.path.realpath(f"/proc/self/fd/{number}") == str(path) for number in os.listdir("/proc/self/fd"))


@pytest.mark.parametrize(("start", "stop"), [(0, len(DATA)), (7, READ_BYTES + 9), (len(DATA) - 1, len(DATA)), (5, 5)])
def test_gives_the_range(path: Path, start: int, stop: int) -> None:
    file = opened(path, start, stop)
    assert file.small() == (DATA[start:stop] if stop - start <= READ_BYTES else None)
    assert read(file) == DATA[start:stop]


def test_is_closed_when_nobody_holds_it(path: Path) -> None:
    file = opened(path, 0, len(DATA))
    assert is_open(path)
    chunks = file.chunks()
    del file
    assert is_open(path)
    del chunks
    assert not is_open(path)


def test_that_has_become_shorter_is_a_failure(path: Path) -> None:
    file = opened(path, 0, len(DATA))
    os.truncate(path, READ_BYTES + 1)
    with pytest.raises(StoreError, match="shorter"):
        read(file)


def test_no_symbolic_link_is_followed(path: Path) -> None:
    link = path.with_name("link.png")
    link.symlink_to(path)
    with pytest.raises(OSError):  # noqa: PT011
        opened(link, 0, 1)
