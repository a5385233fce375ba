"""When the place where results are kept fails."""

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.envelope import assert_failure, assert_success
from support.pictures import mask_file, noise_file
from support.server import Server

LIBC = ctypes.CDLL(None, use_errno=True)
MS_RDONLY, MS_REMOUNT = 1, 32


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if LIBC.mount(b"tmpfs", str(disk).encode(), b"tmpfs", 0, b"size=256k"):
        pytest.skip(f"no file system can be mounted: {os.strerror(ctypes.get_errno())}")
    try:
        yield disk
    finally:
        assert LIBC.umount2(str(disk).encode(), 2) == 0


def test_disk_full(small_disk: Path, tmp_path: Path):
    with Server(small_disk) as own:
        kept = assert_success(own.client.erase(), own.base)
        size = (400, 400)
        large, mask = noise_file(size), mask_file(size)
        assert_failure(own.client.erase(large, mask), "ERROR_INSUFFICIENT_RESOURCES")
        assert len(own.results) == 1, "half a result is left"
        assert own.client.get(kept).status_code == 200
        assert_success(own.client.erase(), own.base)


def test_not_ready_while_the_disk_is_full(small_disk: Path):
    with Server(small_disk) as own:
        filler = small_disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(bytes(1024 * 1024))
        assert_failure(own.client.get("/readyz"), "ERROR_INSUFFICIENT_RESOURCES")
        filler.unlink()
        assert own.client.get("/readyz").status_code == 200


def remount(disk: Path, options: int) -> None:
    assert LIBC.mount(b"tmpfs", str(disk).encode(), b"tmpfs", MS_REMOUNT | options, b"size=256k") == 0


def test_disk_read_only(small_disk: Path):
    with Server(small_disk) as own:
        kept = assert_success(own.client.erase(), own.base)
        remount(small_disk, MS_RDONLY)
        assert_failure(own.client.erase(), "FILE_SERVICE_ERROR")
        assert_failure(own.client.get("/readyz"), "ERROR_INSUFFICIENT_RESOURCES")
        assert own.client.get(kept).status_code == 200
        remount(small_disk, 0)
        assert_success(own.client.erase(), own.base)
        assert own.client.get("/readyz").status_code == 200


def test_disk_taken_away_and_brought_back(small_disk: Path):
    """What is mounted over it hides everything, and is empty."""
    with Server(small_disk) as own:
        kept = assert_success(own.client.erase(), own.base)
        assert LIBC.mount(b"tmpfs", str(small_disk).encode(), b"tmpfs", MS_RDONLY, b"size=64k") == 0
        try:
            assert_failure(own.client.get(kept), "ERROR_FILE_NOT_FOUND")
            assert_failure(own.client.erase(), "FILE_SERVICE_ERROR")
        finally:
            assert LIBC.umount2(str(small_disk).encode(), 2) == 0
        assert own.client.get(kept).status_code == 200
        assert_success(own.client.erase(), own.base)


def test_store_gone(start_server):
    own: Server = start_server()
    kept = assert_success(own.client.erase(), own.base)
    results = own.storage / "results"
    results.rename(own.storage / "away")
    results.write_bytes(b"")
    assert_failure(own.client.erase(), "FILE_SERVICE_ERROR")
    assert_failure(own.client.get(kept), "FILE_SERVICE_ERROR")
    results.unlink()
    (own.storage / "away").rename(results)
    assert own.client.get(kept).status_code == 200
    assert_success(own.client.erase(), own.base)


def test_result_deleted_by_hand(start_server):
    own: Server = start_server()
    url = assert_success(own.client.erase(), own.base)
    (file,) = own.results
    file.unlink()
    assert_failure(own.client.get(url), "ERROR_FILE_NOT_FOUND")
    assert_failure(own.client.get(url, headers={"Range": "bytes=0-1"}), "ERROR_FILE_NOT_FOUND")
    assert own.client.request("HEAD", url, key=None).status_code == 404
