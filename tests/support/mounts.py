"""File systems for single tests, if the system allows to mount them."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LIBC = ctypes.CDLL(None, use_errno=True)
MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096
_MNT_DETACH = 2


def mount_small(disk: Path, size: str, options: int = 0) -> None:
    """A new file system of that size on a folder; or, with MS_REMOUNT, the one that is there with other options."""
    if LIBC.mount(b"tmpfs", os.fsencode(disk), b"tmpfs", options, f"size={size}".encode()):
        pytest.skip(f"no file system can be mounted: {os.strerror(ctypes.get_errno())}")


def unmount(disk: Path) -> None:
    assert LIBC.umount2(os.fsencode(disk), _MNT_DETACH) == 0


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder in which nothing can be changed, not even by root."""
    where = os.fsencode(folder)
    if LIBC.mount(where, where, None, MS_BIND, None):
        pytest.skip(f"nothing can be mounted: {os.strerror(ctypes.get_errno())}")
    try:
        assert LIBC.mount(None, where, None, MS_BIND | MS_REMOUNT | MS_RDONLY, None) == 0
        yield
    finally:
        unmount(folder)
