"""The Helm chart: its output is valid by Kubernetes' schemas and equals the manifests for kustomize."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from image_erase import __version__
from image_erase.settings import load_settings, unknown_variables
from test_deploy import KEYS, VERSIONS, assert_valid, manifest, memory_needed, size
from test_packaging import ROOT

CHART = ROOT / "deploy/helm/image-erase"
HELM = shutil.which("helm", path=str(Path(sys.executable).parent)) or shutil.which("helm")
EDITED = {
    "image": {"repository": "registry.example.com/image-erase"},
    "existingSecret": "image-erase",
    "storageUrl": "s3://bucket/results",
    "publicUrl": "https://erase.example.com",
    "settings": {"AWS_REGION": "eu-central-1", "ERASE_RATE_LIMIT": "600/minute", "ERASE_WORKERS": "2"},
}

pytestmark = pytest.mark.skipif(HELM is None, reason="Helm is not installed")


def helm(
    folder: Path, command: str, values: dict[str, Any], release: str = "image-erase"
) -> subprocess.CompletedProcess[str]:
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    arguments = [release] if command == "template" else []
    return subprocess.run(
        [str(HELM), command, *arguments, str(CHART), "--values", str(folder / "values.yaml")],
        env={"HOME": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def rendered(folder: Path, release: str = "image-erase", **values: Any) -> dict[str, dict[str, Any]]:
    """The documents by their kind."""
    done = helm(folder, "template", EDITED | values, release)
    assert done.returncode == 0, done.stderr
    return {document["kind"]: document for document in yaml.safe_load_all(done.stdout) if document}


VARIANTS: list[dict[str, Any]] = [
    {},
    {"autoscaling": {"enabled": False}, "ingress": {"enabled": False}, "networkPolicy": {"enabled": False}},
    {"autoscaling": {"waitingJobs": 2}, "imagePullSecrets": [{"name": "registry"}], "nodeSelector": {"disk": "ssd"}},
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", VARIANTS)
def test_what_it_renders_follows_the_schemas(values: dict[str, Any], version: str, tmp_path: Path) -> None:
    documents = rendered(tmp_path, **values)
    for document in documents.values():
        assert_valid(document, version)
    assert ("Ingress" in documents) == ("ingress" not in values)
    assert ("replicas" in documents["Deployment"]["spec"]) == ("HorizontalPodAutoscaler" not in documents)


@pytest.mark.parametrize("release", ["123", "1e3", "true", "r" * 53])
def test_names_that_yaml_reads_as_something_else_stay_names(release: str, tmp_path: Path) -> None:
    documents = rendered(
        tmp_path,
        release,
        existingSecret="2026",
        publicUrl="https://Erase.example.com:8443/",
        ingress={"className": "", "tlsSecret": "50", "annotations": {"note": 'yes: "quoted" #1'}},
        networkPolicy={"from": ["007", "null"]},
        settings={"ERASE_PAGE": "false", "ERASE_CREDITS": "10", "AWS_REGION": 'it\'s "here": # {x}'},
    )
    for document in documents.values():
        assert_valid(document, VERSIONS[0])
        assert document["metadata"]["labels"]["app.kubernetes.io/instance"] == release
    ingress = documents["Ingress"]
    assert "ingressClassName" not in ingress["spec"]
    assert ingress["spec"]["rules"][0]["host"] == "erase.example.com"
    assert ingress["metadata"]["annotations"] == {"note": 'yes: "quoted" #1'}
    data = documents["ConfigMap"]["data"]
    assert data["AWS_REGION"] == 'it\'s "here": # {x}'
    assert data["ERASE_PAGE"] == "false"


def test_an_annotation_of_ones_own_replaces_that_of_the_chart(tmp_path: Path) -> None:
    timeout = "nginx.ingress.kubernetes.io/proxy-read-timeout"
    annotations = {timeout: "300"}
    done = helm(tmp_path, "template", EDITED | {"ingress": {"className": "nginx-internal", "annotations": annotations}})
    assert done.stdout.count(timeout) == 1
    (ingress,) = (one for one in yaml.safe_load_all(done.stdout) if one and one["kind"] == "Ingress")
    assert ingress["metadata"]["annotations"][timeout] == "300"
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"] == "129m"


def test_lint(tmp_path: Path) -> None:
    done = helm(tmp_path, "lint", EDITED)
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


@pytest.mark.parametrize("name", ["image", "existingSecret", "storageUrl", "publicUrl"])
def test_a_value_that_was_not_edited_is_refused(name: str, tmp_path: Path) -> None:
    done = helm(tmp_path, "template", {key: value for key, value in EDITED.items() if key != name})
    assert done.returncode != 0
    assert name in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        {"storageUrl": "file:/storage"},
        {"workers": "two"},
        {"replica": 3},
        {"settings": {"erase_port": "1"}},
        {"settings": {"ERASE_PORT": "9000"}},  # the pods' probes ask at 8000
        {"settings": {"AWS_SECRET_ACCESS_KEY": "x"}},  # would be in a ConfigMap
        {"settings": {"ERASE_PAGE": False}},
        {"networkPolicy": {"from": []}},  # to Kubernetes, everything
        {"networkPolicy": {"ports": []}},
        {"publicUrl": "https://erase.example.com/below"},  # the Ingress has the paths of the server
    ],
)
def test_a_wrong_value_is_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    assert helm(tmp_path, "template", EDITED | wrong).returncode != 0


def test_it_says_the_same_as_the_manifests(tmp_path: Path) -> None:
    documents = rendered(tmp_path, autoscaling={"waitingJobs": 2})
    (own,), (other,) = (
        one["spec"]["template"]["spec"]["containers"] for one in (documents["Deployment"], manifest("deployment"))
    )
    same = ("resources", "securityContext", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle", "ports")
    assert {name: own[name] for name in (*same, "volumeMounts")} == {
        name: other[name] for name in (*same, "volumeMounts")
    }
    pods = [one["spec"]["template"]["spec"] for one in (documents["Deployment"], manifest("deployment"))]
    for name in ("securityContext", "volumes", "terminationGracePeriodSeconds", "automountServiceAccountToken"):
        assert pods[0][name] == pods[1][name]
    ingresses = [documents["Ingress"], manifest("ingress")]
    assert ingresses[0]["metadata"]["annotations"] == ingresses[1]["metadata"]["annotations"]
    paths = [{path["path"] for path in one["spec"]["rules"][0]["http"]["paths"]} for one in ingresses]
    assert paths[0] == paths[1]
    scalers = [
        one["spec"]["metrics"] for one in (documents["HorizontalPodAutoscaler"], manifest("horizontalpodautoscaler"))
    ]
    assert scalers[0] == scalers[1]


def test_the_settings_are_the_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = rendered(tmp_path)
    environment = documents["ConfigMap"]["data"]
    assert unknown_variables(environment) == []
    for name, value in (environment | KEYS).items():
        monkeypatch.setenv(name, value)
    assert load_settings().storage_url == EDITED["storageUrl"]
    assert environment["ERASE_RATE_LIMIT"] == "600/minute"
    (container,) = documents["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert size(container["resources"]["limits"]["memory"]) >= memory_needed(environment)


def test_its_version_is_the_servers() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
    assert json.loads((CHART / "values.schema.json").read_text())["additionalProperties"] is False
