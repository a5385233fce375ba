"""The example for Ray Data, on a real Ray of this machine."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from support.command import tree
from support.pictures import changed, mask_file, photo_file

ROOT = Path(__file__).parents[2]
PICTURES = 6


@pytest.mark.hostile
@pytest.mark.timeout(600)
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_actors_erase_from_every_image_of_a_store(tmp_path: Path) -> None:
    for name in ("in", "masks", "out"):
        (tmp_path / name).mkdir()
    for number in range(PICTURES):
        (tmp_path / f"in/{number}.jpg").write_bytes(photo_file("JPEG"))
        (tmp_path / f"masks/{number}.png").write_bytes(mask_file())
    (tmp_path / "in/broken.jpg").write_bytes(photo_file("JPEG")[:300])
    (tmp_path / "masks/broken.png").write_bytes(mask_file())
    # Ray loads jsonschema in each of its ten processes, which with this module builds a grammar for two seconds.
    (tmp_path / "path").mkdir()
    (tmp_path / "path/rfc3987_syntax.py").write_text("raise ImportError\n")
    # A socket's path must be short. Processes of Ray still end, and write their logs, when the command has ended.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        environment = {
            "ERASE_ENGINE": "opencv",
            "PYTHONPATH": str(tmp_path / "path"),
            "PYTHONWARNINGS": "default",
            "RAY_DISABLE_METRICS_COLLECTION": "1",
            "RAY_TMPDIR": folder,
            "RAY_USAGE_STATS_ENABLED": "0",
            # A slow machine may need longer than a minute to start an actor.
            "RAY_worker_register_timeout_seconds": "300",
        }
        done = subprocess.run(
            [
                sys.executable,
                ROOT / "examples/ray_erase.py",
                *(f"{(tmp_path / name).as_uri()}" for name in ("in", "masks", "out")),
                "1",
            ],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=540,
            check=False,
        )
    assert f"1 of {PICTURES + 1} failed" in done.stdout, done.stdout + done.stderr[-3000:]
    assert done.returncode == 1
    assert tree(tmp_path / "out") == [f"{number}.jpg" for number in range(PICTURES)]
    assert changed((tmp_path / "in/0.jpg").read_bytes(), (tmp_path / "out/0.jpg").read_bytes()).any()
