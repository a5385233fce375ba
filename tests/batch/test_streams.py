"""Standard input and output of the command, and its progress bar."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from support.command import COMMAND, environment, erase_here, lines, run_erase, tree
from support.pictures import mask_file, photo_file, pixels_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(photo_file())
    (tmp_path / "mask.png").write_bytes(mask_file())
    return tmp_path


def test_a_picture_goes_through_a_pipe(folder: Path) -> None:
    piped = run_erase(folder, "-", "mask.png", "-o", "-", standard_input=photo_file())
    assert (piped.returncode, piped.stderr) == (0, b"")
    assert (pixels_of(piped.stdout) != pixels_of(photo_file())).any()
    assert tree(folder) == ["in/a.png", "mask.png"]

    masked = erase_here(folder, "in", "--mask", "-", "-o", "out", "--quiet", standard_input=mask_file())
    assert (masked.returncode, masked.stdout, masked.stderr) == (0, b"", b"")
    assert (folder / "out/a.png").read_bytes() == piped.stdout


def test_nothing_but_a_picture_goes_to_standard_output(folder: Path) -> None:
    broken = run_erase(folder, "-", "mask.png", "-o", "-", standard_input=b"hello")
    assert (broken.returncode, broken.stdout) == (1, b"")
    assert lines(broken) == ["image-erase: -: image: The file is none of JPEG, PNG, BMP and WEBP."]
    dry = erase_here(folder, "-", "mask.png", "-o", "-", "--dry-run")
    assert (dry.returncode, dry.stdout) == (0, b"")
    assert lines(dry)[0] == "erase\t-\tmask.png\t-"


def test_an_output_that_nobody_reads_is_a_failure(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command: list[str | Path] = [COMMAND, "erase", "in/a.png", "mask.png", "-o", "-"]
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(
            command, cwd=folder, env=environment(), stdout=gone, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr == b"image-erase: in/a.png: -: cannot be written (Broken pipe)\n"


def test_one_picture_is_not_overwritten_unless_asked(folder: Path) -> None:
    arguments = ("in/a.png", "mask.png", "-o", "out.png")
    (folder / "out.png").write_bytes(b"kept")
    refused = erase_here(folder, *arguments)
    assert (refused.returncode, (folder / "out.png").read_bytes()) == (2, b"kept")
    assert "--force" in lines(refused)[0]
    assert erase_here(folder, *arguments, "--resume").returncode == 0
    assert (folder / "out.png").read_bytes() == b"kept"
    assert erase_here(folder, *arguments, "--force").returncode == 0
    assert pixels_of((folder / "out.png").read_bytes()).shape == pixels_of(photo_file()).shape


def test_a_jpeg_from_standard_input_is_never_called_png(folder: Path) -> None:
    done = erase_here(folder, "-", "mask.png", "-o", "out.png", standard_input=photo_file("JPEG"))
    assert done.returncode == 1
    assert "its name must end in .jpg" in lines(done)[0]
    assert not (folder / "out.png").exists()


@pytest.mark.parametrize("quiet", [False, True])
def test_a_terminal_sees_the_rate_and_the_time_left(folder: Path, quiet: bool) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command: list[str | Path] = [COMMAND, "erase", "in", "mask.png", "-o", "out", *(["--quiet"] if quiet else [])]
    with subprocess.Popen(command, cwd=folder, env=environment(), stderr=theirs, stdin=theirs) as process:
        os.close(theirs)
        seen = _all_from(ours)
        assert process.wait(60) == 0
    assert (b"1/1 [00:" in seen) is not quiet
    assert (b"1 erased" in seen) is not quiet
    assert quiet == (seen == b"")


def _all_from(terminal: int) -> bytes:
    seen = b""
    try:
        while data := os.read(terminal, 4096):
            seen += data
    except OSError:  # Linux' end of file, once nobody holds the other side
        pass
    os.close(terminal)
    return seen
