"""Results are written atomically, and never over files that must stay."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from image_erase.batch.failures import OUTPUT_EXISTS, UNREADABLE, UNWRITABLE, PictureFailed
from image_erase.batch.files import DASH, Inputs, Outputs


def fail_with(number: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_result_has_the_bytes_and_an_ordinary_files_mode(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "plain").write_bytes(b"")
    Outputs(overwrite=overwrite).write(tmp_path / "a.png", b"picture")
    assert (tmp_path / "a.png").read_bytes() == b"picture"
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_came_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:
        monkeypatch.setattr(os, "link", fail_with(errno.EPERM))
    (tmp_path / "a.png").write_bytes(b"somebody's")
    with pytest.raises(PictureFailed) as failed:
        Outputs(overwrite=False).write(tmp_path / "a.png", b"picture")
    assert (failed.value.failure.code, failed.value.failure.fatal) == (OUTPUT_EXISTS, False)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.png", b"somebody's")]


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", fail_with(errno.EPERM))
    Outputs(overwrite=False).write(tmp_path / "a.png", b"picture")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.png", b"picture")]
    monkeypatch.setattr(os, "replace", fail_with(errno.EIO))
    with pytest.raises(PictureFailed):
        Outputs(overwrite=False).write(tmp_path / "b.png", b"picture")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("number", "fatal"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EROFS, True), (errno.ENAMETOOLONG, False)]
)
def test_what_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, fatal: bool
) -> None:
    monkeypatch.setattr(os, "fsync", fail_with(number))
    with pytest.raises(PictureFailed) as failed:
        Outputs(overwrite=True).write(tmp_path / "a.png", b"picture")
    assert (failed.value.failure.code, failed.value.failure.fatal) == (UNWRITABLE, fatal)
    assert os.strerror(number) in failed.value.failure.message
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PictureFailed) as failed:
        Inputs().read(tmp_path / "gone.png", "mask")
    assert failed.value.failure.code == UNREADABLE
    assert failed.value.failure.message == "mask: cannot be read (No such file or directory)"


def test_a_file_that_no_worker_takes_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_erase.batch.files.MAX_BLOB_BYTES", 10)
    (tmp_path / "a.png").write_bytes(bytes(1000))
    with pytest.raises(PictureFailed) as failed:
        Inputs().read(tmp_path / "a.png", "image")
    assert failed.value.failure.code == "FILE_SIZE_EXCEEDS_LIMIT"


def test_standard_input_is_what_was_given() -> None:
    assert Inputs(b"given").read(DASH, "image") == b"given"
