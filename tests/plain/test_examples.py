"""The examples of the plain API, run as their readers run them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.documents import ROOT
from support.pictures import bounds, changed, mask_file, photo_file
from support.server import KEY, Server


@pytest.mark.parametrize(
    ("script", "programs"), [("erase.sh", ("sh", "curl")), ("erase.py", (sys.executable,)), ("erase.mjs", ("node",))]
)
def test_example(server: Server, tmp_path: Path, script: str, programs: tuple[str, ...]) -> None:
    if not all(map(shutil.which, programs)):
        pytest.skip(f"needs {' and '.join(programs)}")
    for name, data in (("image", photo_file()), ("mask", mask_file())):
        (tmp_path / name).write_bytes(data)
    command = [programs[0], str(ROOT / "examples" / script), "image", "mask", "result"]
    environment = os.environ | {"API_KEY": KEY, "BASE_URL": server.base}
    subprocess.run(command, cwd=tmp_path, env=environment, timeout=60, check=True)
    assert bounds(changed(photo_file(), (tmp_path / "result").read_bytes())) == (20, 12, 36, 28)


def test_example_says_what_is_wrong(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no picture")
    command = [sys.executable, str(ROOT / "examples/erase.py"), "file", "file", "result"]
    environment = os.environ | {"API_KEY": KEY, "BASE_URL": server.base}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, timeout=60, check=False, capture_output=True, text=True
    )
    assert done.returncode
    assert "A file's format is not supported: image:" in done.stderr
