"""Alert rules, dashboard and systemd unit: valid, and with existing metrics and settings."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from image_erase.settings import Settings
from support.documents import page

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
MONITORING, UNIT = DEPLOY / "monitoring", DEPLOY / "systemd/image-erase.service"
_SUFFIXES = re.compile(r"_(bucket|sum|count)$")


def named(text: str) -> set[str]:
    """The metrics of the server that a text names, without the common beginning."""
    return {_SUFFIXES.sub("", name) for name in re.findall(r"\bimage_erase_([a-z_]+)", text)}


def documented() -> set[str]:
    return set(re.findall(r"`([a-z_]+)`", page("docs/operating.md").partition("## Metrics")[2]))


def expressions() -> Iterator[str]:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    yield from (target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def test_metrics_are_those_of_the_server() -> None:
    named_in_all = set().union(*map(named, expressions()))
    assert len(named_in_all) > 15
    assert named_in_all <= documented()


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
@pytest.mark.parametrize("arguments", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts-test.yaml")])
def test_rules_do_what_they_say(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["promtool", *arguments], cwd=MONITORING, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
def test_expressions_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    rules: list[dict[str, Any]] = [
        {"record": f"expression:{number}", "expr": one.replace("$__rate_interval", "5m")}
        for number, one in enumerate(expressions())
    ]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", tmp_path / "rules.yaml"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_the_unit_is_valid_and_hardened(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/image-erase/bin/image-erase", shutil.which("true") or "/bin/true"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)]
    judged = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert judged.returncode == 0, judged.stdout[-500:]


def test_the_unit_names_settings() -> None:
    named_there = set(re.findall(r"ERASE_([A-Z_]*[A-Z])\b", UNIT.read_text()))
    assert named_there <= {name.upper() for name in Settings.model_fields}
