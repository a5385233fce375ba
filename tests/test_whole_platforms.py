"""What is locked can be installed on every platform that the documentation lists. Needs a package registry."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from test_packaging import RUNTIME, text

ROOT = Path(__file__).resolve().parents[1]
#: uv's names of the platforms, and the Pythons that are tried on each.
PLATFORMS = {
    "x86_64-manylinux_2_28": "Linux, x86-64",
    "aarch64-manylinux_2_28": "Linux, ARM64",
    "aarch64-apple-darwin": "macOS 14, ARM64",
    "x86_64-pc-windows-msvc": "Windows, x86-64",
}
PYTHONS = ("3.11", "3.14")
_SECONDS = 60


def resolved(platform: str, python: str, requirements: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Try to install wheels, and only wheels, without downloading them."""
    uv = Path(sys.executable).with_name("uv")
    command: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--dry-run",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ]
    command += ["--python-platform", platform, "--python-version", python, "--target", target, "-r", requirements]
    # The oldest macOS for which all packages have wheels.
    environment = os.environ | {"MACOSX_DEPLOYMENT_TARGET": "14.0", "UV_HTTP_TIMEOUT": "10"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)


@cache
def registry_answers() -> bool:
    """Whether the version of a package that is always needed can be found out."""
    uv = str(Path(sys.executable).with_name("uv"))
    command = [uv, "pip", "compile", "--quiet", "--no-deps", "--no-cache", "-"]
    environment = os.environ | {"UV_HTTP_TIMEOUT": "5", "UV_HTTP_RETRIES": "0"}
    try:
        done = subprocess.run(
            command, input="click\n", env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@pytest.fixture
def _registry() -> None:
    if not registry_answers():
        pytest.skip("no package registry")


@pytest.mark.usefixtures("_registry")
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_locked_package_has_a_wheel(platform: str, python: str, tmp_path: Path) -> None:
    done = resolved(platform, python, ROOT / RUNTIME, tmp_path)
    assert done.returncode == 0, done.stderr
    assert " + opencv-python-headless==" in done.stderr


@pytest.mark.usefixtures("_registry")
def test_a_package_without_a_wheel_is_noticed(tmp_path: Path) -> None:
    unmarked = tmp_path / RUNTIME
    unmarked.write_text(text(RUNTIME).replace("; platform_machine == 'x86_64' and sys_platform == 'linux' ", ""))
    done = resolved("aarch64-manylinux_2_28", "3.11", unmarked, tmp_path)
    assert done.returncode != 0
    assert "pylibjxl" in done.stderr


@pytest.mark.parametrize("platform", PLATFORMS.values())
def test_platforms_are_documented(platform: str) -> None:
    assert f"| {platform} |" in text("docs/operating.md")
