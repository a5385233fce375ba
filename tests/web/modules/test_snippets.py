"""The programs that the page shows, run."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page

from support.modules import run
from support.pictures import SIZE, mask_file, photo_file, pixels_of
from support.server import KEY, Server

NAMES = [
    'it\'s "a" $(touch pwned) `touch pwned`; touch pwned, a=b;type=text.png',
    "back\\slash \\n \\\" new\nline\tand\x1b[31m \x7f' !x \\0.jpg",
    "Grüße \U0001f600 \u202egpj 100% %s ${API_KEY} !! #.png",
    "-<o>",
]
RUNNERS = {"curl": ["sh", "-eu"], "python": [sys.executable, "-W", "error"], "javascript": ["node"]}
FILES = {"curl": "erase.sh", "python": "erase.py", "javascript": "erase.mjs"}


def programs(page: Page, url: str, image: str, mask: str) -> dict[str, str]:
    names = {"url": url, "imageName": image, "maskName": mask}
    return {entry["id"]: entry["code"] for entry in run(page, "snippets", "m.snippets(given[0])", names)}


def execute(program: str, code: str, folder: Path, key: str = KEY) -> subprocess.CompletedProcess[str]:
    if not shutil.which("curl" if program == "curl" else RUNNERS[program][0]):
        pytest.skip(f"needs {program}")
    (folder / FILES[program]).write_text(code, encoding="utf-8")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "API_KEY": key,
        "LC_ALL": "C.UTF-8",
    }
    return subprocess.run(
        [*RUNNERS[program], FILES[program]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("program", RUNNERS)
def test_programs_run(page: Page, server: Server, tmp_path: Path, program: str) -> None:
    for name, mask in zip(NAMES, NAMES[1:] + NAMES[:1], strict=True):
        folder = tmp_path / str(NAMES.index(name))
        folder.mkdir()
        suffix = "jpg" if "jpg" in name else "png"
        (folder / name).write_bytes(photo_file("JPEG" if suffix == "jpg" else "PNG"))
        (folder / mask).write_bytes(mask_file())
        before = {name, mask, FILES[program]}
        done = execute(program, programs(page, f"{server.base}/", name, mask)[program], folder)
        assert (done.returncode, done.stderr, done.stdout) == (0, "", ""), name
        (result,) = {path.name for path in folder.iterdir()} - before
        stem = name.rpartition(".")[0] or name
        assert result == f"{stem}-erased.{suffix}"
        assert pixels_of((folder / result).read_bytes()).shape == (SIZE[1], SIZE[0], 3)


@pytest.mark.parametrize("program", RUNNERS)
def test_programs_say_what_is_wrong(page: Page, server: Server, tmp_path: Path, program: str) -> None:
    (tmp_path / "a.png").write_bytes(photo_file())
    (tmp_path / "m.png").write_bytes(mask_file((10, 10)))
    code = programs(page, f"{server.base}/", "a.png", "m.png")[program]
    for key, word in ((KEY, "the image is 64x48"), ("wrong", "key-unknown")):
        done = execute(program, code, tmp_path, key)
        assert done.returncode != 0
        assert word in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "m.png", FILES[program]}


def test_programs_show_nothing_that_acts(page: Page) -> None:
    """What is pasted into a terminal must not hold keys, and what is read must not be reordered."""
    shown = programs(page, "http://a.example/it's/", "a\x03b\x1bc\nd.jpg", "\u202egnp.ksam")
    assert all(character >= " " or character == "\n" for code in shown.values() for character in code)
    assert "!" not in programs(page, "http://a.example/", "\n!x", "\n!x")["curl"]
    for program in ("python", "javascript"):
        assert "\u202e" not in shown[program]
    assert "'http://a.example/it'\\''s/erase'" in shown["curl"]
