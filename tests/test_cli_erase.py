"""The command that erases without a server."""

from pathlib import Path

import numpy as np
import pytest

from support.command import erase_here, lines, run_erase
from support.pictures import boxed, file_of, mask_file, photo_file, pixels_of
from support.server import Server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photo.png").write_bytes(photo_file())
    (tmp_path / "mask.png").write_bytes(mask_file())
    return tmp_path


def test_gives_what_the_server_gives(folder: Path, server: Server) -> None:
    done = run_erase(folder, "photo.png", "mask.png", "-o", "out.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    url = server.client.erase().json()["data"]["image_url"]
    np.testing.assert_array_equal(
        pixels_of((folder / "out.png").read_bytes()), pixels_of(server.client.get(url).content)
    )
    assert sorted(path.name for path in folder.iterdir()) == ["mask.png", "out.png", "photo.png"]


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (file_of(boxed((10, 10))), "10x10"),
        (b"hello", "none of JPEG"),
        (photo_file()[:100], "damaged"),
        (file_of(boxed(inside=255, outside=255)), "all white"),
    ],
)
def test_a_file_that_is_wrong_is_one_line(folder: Path, mask: bytes, says: str) -> None:
    (folder / "mask.png").write_bytes(mask)
    done = erase_here(folder, "photo.png", "mask.png", "-o", "out.png")
    assert done.returncode == 1
    (line,) = lines(done)
    assert says in line
    assert not (folder / "out.png").exists()


def test_a_folder_that_is_not_there(folder: Path) -> None:
    done = erase_here(folder, "photo.png", "mask.png", "-o", "nowhere/out.png")
    assert done.returncode == 1
    assert len(lines(done)) == 1


def test_a_wrong_setting_is_named(folder: Path) -> None:
    done = erase_here(folder, "photo.png", "mask.png", "-o", "out.png", ERASE_ENGINE="onnx")
    assert done.returncode == 2
    assert lines(done)[0].startswith("image-erase: ERASE_ONNX_MODEL: ")


def test_a_model_that_is_none_is_one_line(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"no network")
    model = str(folder / "model.onnx")
    done = erase_here(folder, "photo.png", "mask.png", "-o", "out.png", ERASE_ENGINE="onnx", ERASE_ONNX_MODEL=model)
    assert done.returncode == 1
    assert len(lines(done)) == 1


def test_a_mask_can_be_grown(folder: Path) -> None:
    erase_here(folder, "photo.png", "mask.png", "-o", "out.png", ERASE_MASK_DILATE="4")
    before, after = (pixels_of((folder / name).read_bytes()) for name in ("photo.png", "out.png"))
    changed = np.argwhere((before != after).any(axis=2))
    assert changed.min(axis=0).tolist() == [8, 16]
    assert changed.max(axis=0).tolist() == [31, 39]
