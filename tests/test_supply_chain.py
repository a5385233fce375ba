"""Dependencies and published files, checked without a network."""

import os
import re
import shlex
import subprocess
import sys
from contextlib import closing
from importlib.metadata import Distribution, distribution
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from support.envelope import assert_success
from support.processes import until
from support.server import Client
from test_packaging import RUNTIME, arguments, pins, text

PYTHON = "{}.{}.{}".format(*sys.version_info[:3])
#: Licences under which a dependency may be shipped: permissive ones, LGPL and MPL.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "LGPL-2.1-or-later",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
}
#: What packages that give no SPDX expression write instead.
SPELT = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
INSTALLED = sorted(pins(RUNTIME, PYTHON))


def _said(package: Distribution, name: str) -> str:
    return (package.metadata.get_all(name) or [""])[0]


def licence_of(package: Distribution) -> str:
    """The licence that a package gives itself, as an SPDX expression."""
    classifiers = [item for item in package.metadata.get_all("Classifier") or [] if item.startswith("License :: OSI")]
    said = _said(package, "License-Expression") or _said(package, "License")
    if not said and classifiers:
        said = classifiers[0].rpartition(" :: ")[2]
    return SPELT.get(said, said)


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression without parentheses can be met; AND binds closer than OR."""
    return any(set(choice.split(" AND ")) <= ALLOWED for choice in expression.split(" OR "))


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("BSD-3-Clause AND MIT", True),
        ("GPL-3.0", False),
        ("", False),
    ],
)
def test_a_licence_is_read_right(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


@pytest.mark.parametrize("name", INSTALLED)
def test_licence_allows_shipping(name: str) -> None:
    licence = licence_of(distribution(name))
    assert is_allowed(licence), f"{name} is under {licence or 'no licence that it names'}"


def test_what_is_tested_is_what_is_locked() -> None:
    locked = pins(RUNTIME, PYTHON)
    assert len(INSTALLED) > 15
    assert {name: distribution(name).version for name in INSTALLED} == {name: locked[name] for name in INSTALLED}


def test_the_image_runs_nothing_foreign_while_it_is_built() -> None:
    locked = re.findall(r"install --require-hashes (.*?) -r", " ".join(arguments("RUN")))
    assert locked
    assert all("--only-binary :all:" in options for options in locked)


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out of the build, by Docker's rules: the last pattern that matches counts."""
    out = False
    for line in text(".dockerignore").splitlines():
        if line and not line.startswith("#"):
            pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
            if re.fullmatch(f"{pattern}(/.*)?", path):
                out = not line.startswith("!")
    return out


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.production",
        "app/.env",
        "app/image_erase/routes/.env.local",
        "app/tls.key",
        "app/image_erase/results/tls.pem",
        "api-key",
        "storage/api-key",
        "storage/signing-key",
        "storage/results/2026-01-01/1767225600-000000-x-1.png",
        ".git/config",
        "tests/conftest.py",
        "app/image_erase/routes/__pycache__/keys.cpython-313.pyc",
    ],
)
def test_a_secret_stays_out_of_the_build(path: str) -> None:
    assert ignored(path)


@pytest.mark.parametrize(
    "path", ["app/image_erase/server.py", "app/image_erase/access/keys.py", "pyproject.toml", "README.md", RUNTIME]
)
def test_the_code_gets_into_the_build(path: str) -> None:
    assert not ignored(path)


def test_compose_weakens_nothing() -> None:
    compose = text("compose.yaml")
    for weakness in ("privileged", "cap_add", "unconfined", "network_mode", "pid:", "docker.sock", "userns_mode"):
        assert weakness not in compose


@pytest.mark.whole
def test_nothing_is_written_but_to_the_storage(tmp_path: Path) -> None:
    """Home, working folder and temporary folder of the server and its workers stay empty."""
    folders = {name: tmp_path / name for name in ("home", "here", "temporary", "storage")}
    for folder in folders.values():
        folder.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folders["home"]), "TMPDIR": str(folders["temporary"])}
    settings = {"ERASE_PORT": "0", "ERASE_WORKERS": "1", "ERASE_STORAGE_URL": folders["storage"].as_uri()}
    command = [str(Path(sys.executable).with_name("image-erase")), "serve"]
    with subprocess.Popen(
        command,
        env=environment | settings,
        cwd=folders["here"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout
            url = urlsplit(shlex.split(process.stdout.readline())[-1])
            with closing(Client(("127.0.0.1", url.port or 0))) as client:
                until(lambda: _is_up(client), "the command serves", 60)
                assert_success(client.erase(key=(folders["storage"] / "api-key").read_text().strip()), client.base)
        finally:
            process.terminate()
    assert [path for name in ("home", "here", "temporary") for path in folders[name].rglob("*")] == []
    assert {path.name for path in folders["storage"].iterdir()} == {"api-key", "signing-key", "results"}


def _is_up(client: Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
