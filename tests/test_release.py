"""The workflows that release a version, and what they do to the tree first."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from image_erase import __version__

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PAGES, TAG = "https://code.example/owner/image-erase", f"v{__version__}"


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare_release", GITHUB / "prepare_release.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What a release changes, in a copy."""
    (tmp_path / "app/image_erase").mkdir(parents=True)
    for name in ("README.md", "pyproject.toml", "app/image_erase/__init__.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text())["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_no_more_than_they_need(workflow: Path) -> None:
    text = workflow.read_text()
    assert yaml.safe_load(text)["permissions"] == {}
    for step in steps(workflow):
        assert re.fullmatch(r"[a-z/-]+@[0-9a-f]{40}", step.get("uses", "a/b@" + "0" * 40)), step
        assert "${{" not in step.get("run", ""), step
    assert len(re.findall(r"timeout-minutes", text)) == len(yaml.safe_load(text)["jobs"])


def test_workflows_pass_the_auditor() -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", GITHUB], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed to parse" not in done.stderr


def test_a_release_lists_what_the_server_needs(tmp_path: Path) -> None:
    """The line of the workflow, run here."""
    (line,) = [step["run"] for step in steps(GITHUB / "workflows/release.yml") if "cyclonedx-py" in step.get("run", "")]
    program, *arguments = line.split()
    listed = tmp_path / "listed.json"
    arguments[arguments.index("--output-file") + 1] = str(listed)
    done = subprocess.run(
        [Path(sys.executable).with_name(Path(program).name), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(listed.read_text())
    assert found["metadata"]["component"]["name"] == "image-erase"
    locked = set(re.findall(r"^([\w.-]+)==([^ ;\\]+)", (ROOT / "requirements.lock").read_text(), re.M))
    assert {(one["name"], one["version"]) for one in found["components"]} == locked


@pytest.mark.parametrize("form", sorted((GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda path: path.name)
def test_issue_forms_are_forms(form: Path) -> None:
    content = yaml.safe_load(form.read_text())
    assert {"name", "description", "body"} <= set(content)
    assert all({"type", "id", "attributes"} <= set(field) for field in content["body"])


def test_citation_is_of_this_version() -> None:
    content = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (content["title"], content["version"], content["license"]) == (
        project["name"],
        __version__,
        project["license"],
    )


def test_links_become_absolute(release: ModuleType, tree: Path) -> None:
    release.main(TAG, PAGES, tree)
    readme = (tree / "README.md").read_text()
    targets = re.findall(r"\]\(([^)\s]+)\)", readme)
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith(("https://", "http://", "#"))] == []
    assert f"![The rocket, the towers gone]({PAGES}/raw/{TAG}/examples/result.jpg)" in readme
    urls = tomllib.loads((tree / "pyproject.toml").read_text())["project"]["urls"]
    assert urls["Changelog"] == f"{PAGES}/blob/{TAG}/CHANGELOG.md"


def test_another_version_is_not_released(release: ModuleType, tree: Path) -> None:
    before = (tree / "README.md").read_text()
    with pytest.raises(ValueError, match=r"the tag is v9\.9\.9"):
        release.main("v9.9.9", PAGES, tree)
    assert (tree / "README.md").read_text() == before
