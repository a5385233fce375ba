"""Lock files, image and compose file, checked without building them."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from image_erase import __version__

ROOT = Path(__file__).resolve().parents[1]
RUNTIME, DEVELOPMENT = "requirements.lock", "requirements-dev.lock"
# The oldest and a newer Python that the locks have to serve.
PYTHONS = ("3.11", "3.13")


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def project() -> dict[str, Any]:
    return tomllib.loads(text("pyproject.toml"))


def entries(lock: str) -> list[tuple[Requirement, list[str]]]:
    """The requirements of a lock, each with its hashes."""
    found = []
    for entry in re.split(r"^(?=[A-Za-z0-9])", text(lock), flags=re.M):
        lines = [line for line in entry.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if lines:
            hashes = [line.strip(" \\") for line in lines[1:]]
            found.append((Requirement(lines[0].rstrip(" \\")), hashes))
    return found


def pins(lock: str, python: str) -> dict[str, str]:
    """Name -> version that the lock pins for a Python, such as 3.11 or 3.11.7, on Linux."""
    major, minor, micro = f"{python}.0".split(".")[:3]
    environment = {"python_version": f"{major}.{minor}", "python_full_version": f"{major}.{minor}.{micro}"}
    environment["sys_platform"] = "linux"
    environment |= {"platform_python_implementation": "CPython", "platform_system": "Linux"}
    return {
        canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
        for requirement, _ in entries(lock)
        if requirement.marker is None or requirement.marker.evaluate(environment)
    }


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each with its arguments on one line."""
    lines = [line for line in text("Dockerfile").splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    words = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name, re.sub(r"\s+", " ", arguments)) for name, arguments in words]


def arguments(name: str) -> list[str]:
    return [given for instruction, given in instructions() if instruction == name]


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT])
def test_lock_pins_everything_with_hashes(lock: str) -> None:
    assert len(entries(lock)) > 10
    for requirement, hashes in entries(lock):
        assert re.fullmatch(r"==[0-9][^,*]*", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", given) for given in hashes), requirement


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT])
def test_lock_names_no_host_and_no_path(lock: str) -> None:
    assert not re.search(r"://|index-url|find-links|trusted-host|@ |file:|(^|\s)\.?/", text(lock))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT])
def test_lock_satisfies_the_project(lock: str, python: str) -> None:
    required = list(project()["project"]["dependencies"])
    if lock == DEVELOPMENT:
        required += project()["project"]["optional-dependencies"]["dev"] + project()["build-system"]["requires"]
    pinned = pins(lock, python)
    for requirement in map(Requirement, required):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("python", PYTHONS)
def test_development_runs_what_is_shipped(python: str) -> None:
    assert pins(RUNTIME, python).items() <= pins(DEVELOPMENT, python).items()


def test_image_is_made_for_no_tools() -> None:
    assert not {"pytest", "ruff", "setuptools", "uv", "ailabtools-sdk", "playwright"} & set(pins(RUNTIME, "3.13"))


def test_wheel_has_the_whole_page(tmp_path: Path) -> None:
    """Built from a copy: what an earlier build has left beside the code would go into the wheel too."""
    for name in ("app", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    build = "from setuptools.build_meta import build_wheel; print(build_wheel('dist'))"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "dist" / done.stdout.split()[-1]) as wheel:
        packed = {name: wheel.read(name) for name in wheel.namelist() if name.startswith("image_erase/web/page/")}
        sample = wheel.read("image_erase/sample/mask.png")
    assert sample == (ROOT / "examples/mask.png").read_bytes()
    code = ROOT / "app"
    files = [path for path in (code / "image_erase/web/page").rglob("*") if path.is_file()]
    there = {path.relative_to(code).as_posix(): path.read_bytes() for path in files}
    assert "image_erase/web/page/index.html" in there
    assert packed == there


def test_version_is_one() -> None:
    (label,) = re.findall(r'image\.version="([^"]+)"', text("Dockerfile"))
    (tag,) = re.findall(r"image: image-erase:(\S+)", text("compose.yaml"))
    assert label == tag == __version__
    assert f"## [{__version__}]" in text("CHANGELOG.md")


def test_bases_are_one_pinned_version() -> None:
    bases = {base.split()[0] for base in arguments("FROM")}
    assert len(bases) == 1
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-[a-z]+", bases.pop())


def test_image_runs_as_an_ordinary_user() -> None:
    (user,) = arguments("USER")
    assert re.fullmatch(r"([1-9]\d{3,}):\1", user)
    assert f"--uid {user.split(':')[0]} " in " ".join(arguments("RUN"))
    names = [name for name, _ in instructions()]
    assert names.index("USER") > max(index for index, name in enumerate(names) if name in ("RUN", "COPY", "FROM"))


def test_image_installs_only_what_is_locked() -> None:
    installs = re.findall(r"pip (?:--python \S+ )?install (.*?)(?= && |$)", " && ".join(arguments("RUN")))
    assert len(installs) == 3
    assert all("--require-hashes" in given or "--no-deps --no-index" in given for given in installs)


def test_image_starts_the_server_and_can_be_stopped() -> None:
    assert [json.loads(given) for given in arguments("ENTRYPOINT") + arguments("CMD")] == [["image-erase"], ["serve"]]
    assert arguments("STOPSIGNAL") == ["SIGTERM"]
    assert arguments("VOLUME") == ["/storage"]
    environment = " ".join(arguments("ENV"))
    assert "ERASE_HOST=0.0.0.0" in environment
    assert "ERASE_STORAGE_URL=file:///storage" in environment


def test_no_secret_is_in_the_image() -> None:
    assert not re.search(r"API_KEYS|SIGNING_KEYS", text("Dockerfile"))


def test_build_sees_only_what_is_named() -> None:
    lines = [line for line in text(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    seen = {line[1:] for line in lines if line.startswith("!")}
    copied = [given.split()[:-1] for given in arguments("COPY") if not given.startswith("--from")]
    assert seen == {name for names in copied for name in names}
    assert all((ROOT / name).exists() for name in seen)


def test_repository_keeps_results_and_secrets_out() -> None:
    ignored = text(".gitignore").splitlines()
    assert {"/storage/*", ".env", ".venv/"} <= set(ignored)
    assert ignored.index("/storage/*") < ignored.index("!/storage/.gitkeep")


def image_health_check() -> list[str]:
    (given,) = arguments("HEALTHCHECK")
    return json.loads(given.partition("CMD ")[2])


class Health(HTTPServer):
    """Answers every request with its status and keeps the paths that it was asked for."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.paths: list[str] = []


class _Answer(BaseHTTPRequestHandler):
    server: Health

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def health() -> Iterator[Health]:
    with Health() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def checked(port: int) -> bool:
    program, *rest = image_health_check()
    assert (program, rest) == ("image-erase", ["health"])
    done = health_of(port)
    assert done.returncode == 0 or done.stderr.count("\n") == 1
    return done.returncode == 0


def health_of(port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"ERASE_PORT": str(port), "ERASE_HOST": "0.0.0.0"}
    command = [str(Path(sys.executable).with_name("image-erase")), "health", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_health_check_says_what_the_server_says(health: Health, status: int, healthy: bool) -> None:
    health.status = status
    assert checked(health.server_port) is healthy
    assert health.paths == ["/healthz"]


def test_readiness_is_another_question(health: Health) -> None:
    assert health_of(health.server_port, "--ready").returncode == 0
    assert health.paths == ["/readyz"]


def test_compose_asks_as_the_image_does() -> None:
    services = yaml.safe_load(text("compose.yaml"))
    checks = [check for part in services.values() if isinstance(part, dict) for check in [part.get("healthcheck")]]
    assert ["CMD", *image_health_check()] in [check["test"] for check in checks if check]


def test_health_check_fails_without_a_server() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        assert not checked(taken.getsockname()[1])


@pytest.mark.skipif(os.name != "posix", reason="needs executable bits")
def test_ci_can_be_run() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert "set -euo pipefail" in text(".ci/run")
