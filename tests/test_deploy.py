"""Compose file, load balancer and manifests, checked against schemas, each other and the server."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from image_erase import __version__
from image_erase.batch.options import erase
from image_erase.batch.shards import INDEX
from image_erase.cli import STOP_SECONDS
from image_erase.server import create_app
from image_erase.settings import Settings, load_settings, unknown_variables
from support.balancer import CONFIGURATION, HAPROXY
from support.server import Server
from test_packaging import ROOT, arguments, text

MIB = 1 << 20
#: The rule that README, compose file and manifests state: the server's own share, uploads included.
SERVER_MB = 1024
#: Two files of the largest endpoint, and the multipart around them.
LARGEST_BODY = 11 * MIB
KUBERNETES = ROOT / "deploy/kubernetes"
#: The oldest Kubernetes that the manifests are for, and the newest whose schemas are at hand.
VERSIONS = ("1.31", "1.37")
UNITS = {"m": MIB, "g": 1 << 30, "mi": MIB, "gi": 1 << 30}
COMPOSE: dict[str, Any] = yaml.safe_load(text("compose.yaml"))
SERVICES: dict[str, Any] = COMPOSE["services"]
SERVERS = ("image-erase", "copies")
KEYS = {"ERASE_API_KEYS": "key-of-the-tests", "ERASE_SIGNING_KEYS": "signing-key-of-the-tests-themselves"}


def manifest(name: str) -> dict[str, Any]:
    return yaml.safe_load((KUBERNETES / f"{name}.yaml").read_text("utf-8"))


def variables(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def size(said: str) -> int:
    """Bytes of `3g`, `11m` or `3Gi`."""
    found = re.fullmatch(r"(\d+)([a-zA-Z]+)", said)
    assert found
    return int(found[1]) * UNITS[found[2].lower()]


def seconds(said: str) -> float:
    """Of `65s` or `65`."""
    return float(said.removesuffix("s"))


def without_interpolation(value: str) -> str:
    """What Compose makes of a value where nothing is set: the default, or nothing."""
    return re.sub(r"\$\{\w+(?::-([^}]*)|:\?[^}]*)?\}", r"\1", value)


def environments() -> dict[str, dict[str, str]]:
    """What each of the ways to deploy sets for the server, secrets as its operator would."""
    found = {
        name: {key: without_interpolation(value) for key, value in SERVICES[name]["environment"].items()} | KEYS
        for name in SERVERS
    }
    return found | {"kubernetes": variables(KUBERNETES / "settings.env") | KEYS}


def settings_of(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings()


WAYS = (*SERVERS, "kubernetes")


@pytest.fixture
def container() -> dict[str, Any]:
    (only,) = manifest("deployment")["spec"]["template"]["spec"]["containers"]
    return only


def assert_compose(text: str) -> None:
    # Here, since every process that collects tests would need its time.
    from compose_spec import PyCompose

    PyCompose.from_yaml(text)


def test_compose_follows_its_specification() -> None:
    assert_compose(yaml.safe_dump(COMPOSE))


def test_compose_with_a_slip_does_not() -> None:
    """The check above can fail."""
    with pytest.raises(ValueError, match="mem_limitt"):
        assert_compose(yaml.safe_dump(COMPOSE).replace("mem_limit: 3g", "mem_limitt: 3g", 1))


def test_one_server_is_all_that_starts_by_default() -> None:
    assert [name for name, service in SERVICES.items() if "profiles" not in service] == ["image-erase"]
    assert all(service.get("profiles", ["scale"]) == ["scale"] for service in SERVICES.values())


def test_only_this_machine_reaches_what_is_published() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"image-erase": ["127.0.0.1:8000:8000"], "balancer": ["127.0.0.1:8080:8000"]}


@pytest.mark.parametrize("name", SERVICES)
def test_compose_locks_every_container_up(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert size(service["mem_limit"]) > 0
    assert service["pids_limit"] > 0
    image, _, tag = service["image"].partition(":")
    assert re.match(r"\d+\.\d+", tag), f"{image} is not pinned"


def test_compose_asks_for_keys() -> None:
    assert all(SERVICES[name]["environment"]["ERASE_API_KEYS"].startswith("${ERASE_API_KEYS:?") for name in SERVERS)
    assert SERVICES["image-erase"]["volumes"] == ["results:/storage"]


def test_copies_keep_nothing_of_their_own() -> None:
    assert "volumes" not in SERVICES["copies"]
    assert SERVICES["copies"]["networks"] == ["inner"]
    assert COMPOSE["networks"]["inner"]["internal"] is True


def test_the_balancer_finds_the_copies_by_their_service() -> None:
    configuration = CONFIGURATION.read_text()
    assert "presetenv COPIES copies\n" in configuration
    assert f"presetenv COPIES_PORT {SERVICES['copies']['environment']['ERASE_PORT']}\n" in configuration
    assert "./deploy/haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro" in SERVICES["balancer"]["volumes"]


def test_kustomization_names_every_file() -> None:
    kustomization = manifest("kustomization")
    used = {*kustomization["resources"], *kustomization["configMapGenerator"][0]["envs"]}
    others = {"kustomization.yaml", "prometheus-adapter.yaml", "secret.env.example", "secret.env"}
    assert {path.name for path in KUBERNETES.iterdir()} - others == used


def assert_valid(document: dict[str, Any], version: str = VERSIONS[-1]) -> None:
    """Whether Kubernetes of that version takes a document, unknown fields refused."""
    # Here, since it takes half a second, which every process that collects tests would need; and without a grammar
    # of IRIs, which takes two seconds and which no schema here asks for.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "rfc3987_syntax", None)
        import kubernetes_validate

    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        raise AssertionError(error.message) from error


def documents() -> list[dict[str, Any]]:
    return [manifest(Path(name).stem) for name in manifest("kustomization")["resources"]]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", documents(), ids=lambda document: document["kind"])
def test_manifest_follows_its_schema(document: dict[str, Any], version: str) -> None:
    assert_valid(document, version)


BULK = yaml.safe_load(text("deploy/kubernetes-bulk/job.yaml"))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_job_follows_its_schema(version: str) -> None:
    assert_valid(BULK, version)


def test_the_job_has_a_pod_for_each_shard_of_a_command_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(INDEX, "7")
    (container,) = BULK["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"image-erase:{__version__}"
    program, subcommand, *arguments = container["command"]
    assert (program, subcommand) == ("image-erase", "erase")
    with erase.make_context("erase", arguments, obj=None, resilient_parsing=False) as context:
        shard, resume, out = (context.params[name] for name in ("shard", "resume", "out"))
    assert (shard.count, shard.index) == (BULK["spec"]["completions"], 7)
    assert resume
    assert out.is_folder
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert unknown_variables(environment) == []
    assert size(container["resources"]["limits"]["memory"]) >= memory_needed(environment)


def test_the_job_tries_again_whatever_may_pass() -> None:
    spec = BULK["spec"]
    assert spec["backoffLimitPerIndex"] >= 1
    ignored = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert ignored in spec["podFailurePolicy"]["rules"]
    # 1 and 2 are also the exit codes where the store could not be reached.
    assert not [rule for rule in spec["podFailurePolicy"]["rules"] if rule["action"].startswith("Fail")]


def test_manifest_with_a_slip_does_not() -> None:
    document = manifest("deployment")
    document["spec"]["template"]["spec"]["containers"][0]["readyProbe"] = {}
    with pytest.raises(AssertionError, match="readyProbe"):
        assert_valid(document)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_what_kustomize_makes_follows_its_schema() -> None:
    done = subprocess.run(["kubectl", "kustomize", KUBERNETES], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    rendered = list(yaml.safe_load_all(done.stdout))
    for document in rendered:
        assert_valid(document)
    assert {document["metadata"]["namespace"] for document in rendered} == {"image-erase"}
    policies = [document["spec"] for document in rendered if document["kind"] == "NetworkPolicy"]
    source = manifest("networkpolicy")["spec"]
    assert policies == [source], "labels that kustomize adds must not change whom a policy means"


def test_the_version_is_one() -> None:
    (image,) = manifest("kustomization")["images"]
    assert image["newTag"] == __version__
    assert {SERVICES[name]["image"] for name in SERVERS} == {f"image-erase:{__version__}"}


def test_the_images_tag_is_the_version(container: dict[str, Any]) -> None:
    assert container["image"] == f"image-erase:{__version__}"


@pytest.mark.parametrize("way", WAYS)
def test_every_variable_is_a_setting(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = environments()[way]
    settings = settings_of(environment, monkeypatch)
    assert unknown_variables(environment) == []
    assert settings.port == 8000
    assert settings.host == "0.0.0.0"


def test_secrets_have_the_names_of_settings() -> None:
    names = variables(KUBERNETES / "secret.env.example")
    assert unknown_variables(names) == []
    assert set(names.values()) == {""}, "a template holds no secret"
    assert "/deploy/kubernetes/secret.env" in text(".gitignore").splitlines()


def memory_needed(environment: dict[str, str]) -> int:
    workers = int(environment["ERASE_WORKERS"])
    each = int(environment.get("ERASE_WORKER_MEMORY_MB", Settings().worker_memory_mb))
    return (SERVER_MB + workers * each) * MIB


def test_memory_suffices(container: dict[str, Any]) -> None:
    found = environments()
    for name in SERVERS:
        assert size(SERVICES[name]["mem_limit"]) >= memory_needed(found[name])
    assert size(container["resources"]["limits"]["memory"]) >= memory_needed(found["kubernetes"])
    (run,) = re.findall(r"^docker run .*?[^\\]$", text("README.md"), re.M | re.S)
    (given,) = re.findall(r"--memory (\S+)", run)
    (workers,) = re.findall(r"-e ERASE_WORKERS=(\d+)", run)
    assert size(given) >= memory_needed({"ERASE_WORKERS": workers})


def test_the_servers_share_holds_what_uploads_may_take() -> None:
    """Bodies on their way in, those of waiting jobs, results on their way out, and 100 MiB for the process."""
    defaults = Settings()
    transit = defaults.receive_memory_mb + defaults.answer_memory_mb
    assert transit + defaults.queue * LARGEST_BODY / MIB + 100 <= SERVER_MB


def test_processors_are_as_many_as_workers(container: dict[str, Any]) -> None:
    assert container["resources"]["requests"]["cpu"] == environments()["kubernetes"]["ERASE_WORKERS"]
    assert int(container["resources"]["limits"]["cpu"]) >= int(container["resources"]["requests"]["cpu"])


def test_the_container_is_locked_up(container: dict[str, Any]) -> None:
    pod = manifest("deployment")["spec"]["template"]["spec"]
    user = int(arguments("USER")[0].split(":")[0])
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["runAsGroup"] == user
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is manifest("serviceaccount")["automountServiceAccountToken"] is False
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert all(volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"])


def test_ports_lead_from_the_ingress_to_the_server(container: dict[str, Any]) -> None:
    (port,) = container["ports"]
    assert port["containerPort"] == int(environments()["kubernetes"]["ERASE_PORT"])
    (service,) = manifest("service")["spec"]["ports"]
    assert service["targetPort"] == port["name"]
    (rule,) = manifest("ingress")["spec"]["rules"]
    backends = [path["backend"]["service"] for path in rule["http"]["paths"]]
    assert all(backend == {"name": "image-erase", "port": {"name": service["name"]}} for backend in backends)
    annotations = manifest("deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(port["containerPort"])
    assert manifest("networkpolicy")["spec"]["ingress"][0]["ports"] == [{"port": port["name"], "protocol": "TCP"}]


def test_all_select_the_same_pods() -> None:
    deployment = manifest("deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == manifest("service")["spec"]["selector"] == labels
    assert manifest("poddisruptionbudget")["spec"]["selector"]["matchLabels"] == labels
    assert manifest("networkpolicy")["spec"]["podSelector"]["matchLabels"] == labels
    (spread,) = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == labels
    target = manifest("horizontalpodautoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", manifest("deployment")["metadata"]["name"])


def test_probes_ask_what_is_there(server: Server, container: dict[str, Any]) -> None:
    paths = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
    assert all(server.client.get(path).status_code == 200 for path in paths.values())
    assert " uri /readyz " in CONFIGURATION.read_text()


def test_the_ingress_shows_clients_all_they_need_and_no_more(tmp_path: Path) -> None:
    (rule,) = manifest("ingress")["spec"]["rules"]
    exact = {path["path"] for path in rule["http"]["paths"] if path["pathType"] == "Exact"}
    below = {path["path"] for path in rule["http"]["paths"] if path["pathType"] == "Prefix"}
    app = create_app(Settings(storage_url=tmp_path.as_uri(), api_keys="key"))
    served = set(app.openapi()["paths"]) | {route.path for route in app.routes if hasattr(route, "path")}
    inside = {path for path in served if path not in exact and f"/{path.split('/')[1]}" not in below}
    assert inside <= {"/healthz", "/readyz"}
    assert not {"/metrics", "/", "/healthz", "/readyz"} & below


def test_bodies_fit_through_every_proxy() -> None:
    annotations = manifest("ingress")["metadata"]["annotations"]
    assert size(annotations["nginx.ingress.kubernetes.io/proxy-body-size"]) >= LARGEST_BODY
    (nginx,) = re.findall(r"client_max_body_size (\S+);", text("docs/proxy.md"))
    assert size(nginx) >= LARGEST_BODY


def test_proxies_wait_longer_than_the_server() -> None:
    defaults = Settings()
    longest = defaults.deadline_seconds + defaults.receive_seconds
    annotations = manifest("ingress")["metadata"]["annotations"]
    for name in ("read", "send"):
        assert seconds(annotations[f"nginx.ingress.kubernetes.io/proxy-{name}-timeout"]) > longest
    (balancer,) = re.findall(r"^ *timeout server (\S+)$", CONFIGURATION.read_text(), re.M)
    (nginx,) = re.findall(r"proxy_read_timeout (\S+);", text("docs/proxy.md"))
    assert seconds(balancer) > longest
    assert seconds(nginx) > longest


def test_there_is_time_to_stop(container: dict[str, Any]) -> None:
    (_, pause) = container["lifecycle"]["preStop"]["exec"]["command"]
    grace = manifest("deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > float(pause) + STOP_SECONDS
    assert all(seconds(SERVICES[name]["stop_grace_period"]) > STOP_SECONDS for name in SERVERS)


def test_links_begin_with_the_ingress_host() -> None:
    spec = manifest("ingress")["spec"]
    (rule,), (tls,) = spec["rules"], spec["tls"]
    assert tls["hosts"] == [rule["host"]]
    assert environments()["kubernetes"]["ERASE_PUBLIC_URL"] == f"https://{rule['host']}"


def test_the_metric_that_scales_is_served(start_server: Any) -> None:
    metrics = start_server(metrics=True).client.get("/metrics").text
    (pods,) = [metric["pods"] for metric in manifest("horizontalpodautoscaler")["spec"]["metrics"] if "pods" in metric]
    name = pods["metric"]["name"]
    assert re.search(rf"^{name} [0-9.]+$", metrics, re.M)
    (rule,) = manifest("prometheus-adapter")["rules"]["custom"]
    assert rule["seriesQuery"].startswith(f"{name}{{")
    assert rule["name"]["as"] == name
    environment = environments()["kubernetes"]
    assert environment["ERASE_METRICS"] == "true"
    assert pods["target"]["averageValue"] == environment["ERASE_WORKERS"]


@pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed")
def test_haproxy_takes_the_configuration() -> None:
    environment = {"PATH": os.environ["PATH"]}
    command = [str(HAPROXY), "-c", "-f", str(CONFIGURATION)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
